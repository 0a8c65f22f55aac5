-- Speakers that this project inserted or adopted and that the call no longer has. Rows that others wrote stay.
select speakers.id
from wanted_calls
join speakers on speakers.call_id = wanted_calls.id
where not wanted_calls.deleted
    and speakers.call_id = any (array(select id from wanted_calls))
    and not exists (select from wanted_speakers where wanted_speakers.id = speakers.id)
    and (
        coaching_sync.is_derived(speakers.id)
        or exists (select from coaching_sync.adopted_speakers where adopted_speakers.speaker_id = speakers.id)
    )
