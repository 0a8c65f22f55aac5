-- Monologues that this project inserted, or that are deleted at the source. Other rows that others wrote stay.
select transcripts.id
from wanted_calls
join transcripts on transcripts.call_id = wanted_calls.id
where not wanted_calls.deleted
    and transcripts.call_id = any (array(select id from wanted_calls))
    and not exists (
        select from wanted_transcripts where wanted_transcripts.id = transcripts.id and wanted_transcripts.rejection is null
    )
    and (
        coaching_sync.is_derived(transcripts.id)
        or exists (
            select from gong_transcript
            where gong_transcript.call_id = wanted_calls.gong_call_id
                and gong_transcript.index = transcripts.sequence_number
                and gong_transcript.deleted
        )
    )
