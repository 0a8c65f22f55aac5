-- Record which rows of an earlier importer are adopted, so that they keep their speaker if the address changes.
insert into coaching_sync.adopted_speakers (gong_call_id, gong_speaker_id, speaker_id)
select aggregate_key, gong_speaker_id, id from wanted_speakers where adopts
on conflict (gong_call_id, gong_speaker_id) do update set speaker_id = excluded.speaker_id, adopted_at = now();

delete from coaching_sync.participant_speakers
using wanted_calls
where participant_speakers.gong_call_id = wanted_calls.aggregate_key
    and not exists (select from speakers where speakers.id = participant_speakers.speaker_id);

-- Record which participants make a speaker whom the source's table of speakers lacks. If they name another speaker later,
-- no row of the replica names this one.
insert into coaching_sync.participant_speakers (speaker_id, gong_call_id, participants)
select id, aggregate_key, only_participants from wanted_speakers where only_participants is not null
on conflict (speaker_id) do update set participants = excluded.participants
where participant_speakers.participants is distinct from excluded.participants;

delete from coaching_sync.participant_speakers
using wanted_speakers as wanted
where participant_speakers.speaker_id = wanted.id and wanted.only_participants is null
