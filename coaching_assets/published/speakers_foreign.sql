-- Whether a speaker is somebody else's: neither inserted nor taken over by this project.
not coaching_sync.is_derived({row}.id)
and not exists (select from coaching_sync.adopted_speakers where adopted_speakers.speaker_id = {row}.id)
