-- Removes publishing's records of deleted rows.
delete from coaching_sync.adopted_speakers
where not exists (select from speakers where speakers.id = adopted_speakers.speaker_id);

delete from coaching_sync.participant_speakers
where not exists (select from speakers where speakers.id = participant_speakers.speaker_id);

delete from coaching_sync.inserted_links
where not exists (select from calls where calls.id = inserted_links.call_id)
    or not exists (select from opportunities where opportunities.id = inserted_links.opportunity_id)
