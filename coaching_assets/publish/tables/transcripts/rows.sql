-- The monologues of the batch's calls, as they should be.
with live_call as (
    select distinct id from gong_call where id in (select key from batch) and not deleted
),
-- one row per monologue; rows without an index cannot be told apart, and all of them stay to be rejected
monologue as (
    select distinct on (call_id, coalesce(index::text, '?' || index__raw, '?'))
        call_id, index, index__raw, workspace_id, speaker_id, topic, sentence,
        sentence ~ '^ *[[{]' as is_json
    from gong_transcript
    where call_id in (select id from live_call) and not deleted
    order by
        call_id, coalesce(index::text, '?' || index__raw, '?'), workspace_id collate "C" nulls last,
        -- two texts can be the same index ("7" and "007"); which one counts must not depend on the storage order
        index__raw collate "C"
),
parsed as materialized (
    select
        monologue.*,
        case when is_json then coaching_sync.try_jsonb(sentence) end as sentences,
        coaching_sync.derived_id('transcripts', call_id || ':' || index::text) as derived_id
    from monologue
),
-- the published monologues of the batch's calls, read once: a lookup per monologue costs as much as parsing its JSON. An
-- array, not a join: during a first load, Postgres overestimates the rows per call and would read the whole table
existing as (
    select distinct on (call_id, sequence_number) call_id, sequence_number, id
    from transcripts
    where call_id = any (array(select id from wanted_calls))
    order by call_id, sequence_number, id
),
spoken as (
    select
        parsed.*,
        case when parsed.is_json then said.text else parsed.sentence end as text,
        said.start_value,
        said.end_value,
        coaching_sync.rounded_integer(said.start_value) as start_ms,
        coaching_sync.rounded_integer(said.end_value) as end_ms
    from parsed
    left join lateral (
        -- a set-returning function alone in `from` returns the items in order; sorting them would take half of the time
        select
            string_agg(item ->> 'text', ' ') as text,
            coaching_sync.json_number((array_agg(item -> 'start'))[1]) as start_value,
            coaching_sync.json_number((array_agg(item -> 'end'))[count(*)]) as end_value
        from jsonb_array_elements(
            case jsonb_typeof(parsed.sentences) when 'array' then parsed.sentences when 'object' then jsonb_build_array(parsed.sentences) end
        ) as items (item)
        where jsonb_typeof(item) = 'object'
    ) as said on parsed.sentences is not null
)
select
    spoken.call_id as aggregate_key,
    coalesce(published.id, existing.id, spoken.derived_id) as id,
    wanted_calls.id as call_id,
    wanted_speakers.id as speaker_id,
    coaching_sync.not_blank(spoken.speaker_id) is not null as names_speaker,
    coaching_sync.rounded_integer(spoken.index) as sequence_number,
    spoken.start_ms as start_time_ms,
    spoken.text,
    case when spoken.topic is not null then array[spoken.topic]::varchar[] end as topics,
    jsonb_strip_nulls(jsonb_build_object(
        'start_ms', spoken.start_ms,
        'end_ms', spoken.end_ms,
        'duration_ms', coaching_sync.rounded_integer(spoken.end_value - spoken.start_value),
        'topic', spoken.topic
    )) as chunk_metadata,
    rejected.reason as rejection,
    case when rejected.reason is not null then
        jsonb_build_object('call_id', spoken.call_id, 'index', spoken.index__raw, 'workspace_id', spoken.workspace_id)
    end as source_key,
    case when rejected.reason is not null then (
        select source_row from gong_transcript
        where gong_transcript.call_id = spoken.call_id
            and gong_transcript.index__raw is not distinct from spoken.index__raw
            and gong_transcript.workspace_id is not distinct from spoken.workspace_id
        limit 1
    ) end as source_row
from spoken
join wanted_calls on wanted_calls.aggregate_key = spoken.call_id
left join transcripts as published on published.id = spoken.derived_id
left join existing on existing.call_id = wanted_calls.id and existing.sequence_number = spoken.index
left join wanted_speakers
    on wanted_speakers.aggregate_key = spoken.call_id and wanted_speakers.gong_speaker_id = spoken.speaker_id
cross join lateral (
    select case
        when spoken.index__raw is null then 'index is missing'
        when spoken.index is null or spoken.index not between -2147483648 and 2147483647
            then format('index %L is not a 32-bit integer', spoken.index__raw)
        when spoken.sentence is null then 'sentence is missing'
        when spoken.is_json and spoken.sentences is null then 'sentence is not valid JSON'
        when spoken.text ~ '\S' is not true then 'sentence has no text'
        -- the application's trigger would fail on it, and the whole batch with it
        when not coaching_sync.can_be_searched(spoken.text) then 'sentence is too long for full-text search'
    end as reason
    offset 0 -- keeps Postgres from computing it again for each reference
) as rejected
