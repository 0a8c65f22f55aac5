-- Monologues that this project inserted, or that are deleted at the source. Other rows that others wrote stay. The replica
-- keeps deleted rows; if it has no row of a monologue at all, only the reconciliation knows whether the source has one.
select
    found.id,
    case
        when found.is_deleted then 'deleted at the source'
        when exists (select from wanted_transcripts where wanted_transcripts.id = found.id) then 'rejected'
        when exists (
            select from wanted_transcripts
            where wanted_transcripts.call_id = found.call_id
                and wanted_transcripts.sequence_number = found.sequence_number
        ) then 'superseded'
        else 'vanished from the source'
    end as reason
from (
    select
        transcripts.id,
        transcripts.call_id,
        transcripts.sequence_number,
        exists (
            select from gong_transcript
            where gong_transcript.call_id = wanted_calls.gong_call_id
                and gong_transcript.index = transcripts.sequence_number
                and gong_transcript.deleted
        ) as is_deleted
    from wanted_calls
    join transcripts on transcripts.call_id = wanted_calls.id
    where not wanted_calls.deleted
        and transcripts.call_id = any (array(select id from wanted_calls))
        and not exists (
            select from wanted_transcripts
            where wanted_transcripts.id = transcripts.id and wanted_transcripts.rejection is null
        )
) as found
where coaching_sync.is_derived(found.id) or found.is_deleted
