-- Record which rows of an earlier importer are adopted, so that they keep their speaker if the address changes.
insert into coaching_sync.adopted_speakers (gong_call_id, gong_speaker_id, speaker_id)
select aggregate_key, gong_speaker_id, id from wanted_speakers where adopts
on conflict (gong_call_id, gong_speaker_id) do update set speaker_id = excluded.speaker_id, adopted_at = now()
