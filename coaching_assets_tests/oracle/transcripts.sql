-- One row for each monologue of a call; needs the speakers.
create table published.transcripts as
with numbered as (
    select *, as_index("index") as sequence_number from gong.transcript
),
chosen as (
    select distinct on (call_id, sequence_number, case when sequence_number is null then "index" end) *
    from numbered
    order by
        call_id, sequence_number, case when sequence_number is null then "index" end,
        workspace_id nulls last, "index"
),
heard as materialized (
    select *, as_sentences(sentence) as said from chosen
)
select
    heard.call_id as gong_call_id,
    heard.sequence_number,
    case when speaker.gong_call_id is not null then [speaker.name, speaker.email] end as speaker,
    said.start_ms as start_time_ms,
    said.text,
    case when heard.topic is not null then [heard.topic] end as topics,
    {
        'start_ms': said.start_ms,
        'end_ms': said.end_ms,
        'duration_ms': said.end_ms::bigint - said.start_ms,
        'topic': heard.topic
    } as chunk_metadata,
    case
        when heard.call_id is null then 'rejected'
        when heard.call_id not in (select id from published.call_rows) then 'waiting'
        when heard.sequence_number is null or said.text is null then 'rejected'
        else 'published'
    end as state,
    [heard.call_id, heard."index"] as source_key
from heard
left join published.speakers as speaker
    on speaker.gong_call_id = heard.call_id
    and speaker.gong_speaker_id = heard.speaker_id
    and speaker.state = 'published';
