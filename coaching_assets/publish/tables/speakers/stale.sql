-- Speakers that this project inserted or adopted and that the call no longer has. Rows that others wrote stay. The replica
-- keeps the rows that named a speaker; if it lacks one, only the reconciliation knows whether the source has it.
with candidate as (
    select speakers.id, wanted_calls.aggregate_key as gong_call_id, adopted.gong_speaker_id as adopted_as
    from wanted_calls
    join speakers on speakers.call_id = wanted_calls.id
    left join coaching_sync.adopted_speakers as adopted on adopted.speaker_id = speakers.id
    where not wanted_calls.deleted
        and speakers.call_id = any (array(select id from wanted_calls))
        and not exists (select from wanted_speakers where wanted_speakers.id = speakers.id)
        and (coaching_sync.is_derived(speakers.id) or adopted.speaker_id is not null)
)
select
    candidate.id,
    case
        when spoke.is_deleted then 'deleted at the source'
        when named.rows = cardinality(recorded.participants) and named.rows = named.deleted then 'deleted at the source'
        when named.rows = cardinality(recorded.participants) or other_speaker.is_wanted then 'superseded'
        else 'vanished from the source'
    end as reason
from candidate
left join coaching_sync.participant_speakers as recorded on recorded.speaker_id = candidate.id
cross join lateral (
    select exists (
        select from gong_call_speaker as speaker
        where speaker.call_id = candidate.gong_call_id
            and speaker.deleted
            and (
                speaker.id = candidate.adopted_as
                or coaching_sync.derived_id('speakers', speaker.call_id || ':' || speaker.id) = candidate.id
            )
    ) as is_deleted
) as spoke
cross join lateral (
    select count(*) as rows, count(*) filter (where deleted) as deleted
    from gong_call_participant
    where call_id = candidate.gong_call_id and id = any (recorded.participants)
) as named
-- a row of an earlier importer that was adopted in the place of this one
cross join lateral (
    select exists (
        select from wanted_speakers as wanted
        where wanted.aggregate_key = candidate.gong_call_id
            and coaching_sync.derived_id('speakers', wanted.aggregate_key || ':' || wanted.gong_speaker_id) = candidate.id
    ) as is_wanted
) as other_speaker
