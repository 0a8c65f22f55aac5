-- The least that fills calls, speakers and transcripts: no keys kept, nothing compared, nothing rejected, nothing counted.
analyze call;
analyze call_speaker;
analyze call_participant;
analyze transcript;

insert into calls (id, gong_call_id, title, scheduled_at, duration_seconds, call_type, date, metadata, processed_at)
select distinct on (id)
    md5('calls:' || id)::uuid, id, title, coalesce(scheduled, started)::timestamptz at time zone 'UTC', duration, purpose,
    (coalesce(scheduled, started)::timestamptz at time zone 'UTC')::date,
    jsonb_build_object('gong_url', url, 'direction', direction, 'scope', scope, 'brief', brief), now() at time zone 'UTC'
from call
where not _fivetran_deleted
order by id;

insert into speakers (id, call_id, name, email, company_side, talk_time_seconds)
select distinct on (speaker.call_id, speaker.id)
    md5('speakers:' || speaker.call_id || ':' || speaker.id)::uuid, calls.id,
    coalesce(participant.name, 'Speaker ' || speaker.id), participant.email_address,
    coalesce(participant.affiliation = 'Internal', false), round(speaker.talk_time::numeric)
from call_speaker as speaker
join calls on calls.gong_call_id = speaker.call_id
left join call_participant as participant
    on participant.call_id = speaker.call_id and participant.speaker_id = speaker.id
where not speaker._fivetran_deleted
order by speaker.call_id, speaker.id;

insert into transcripts (id, call_id, speaker_id, sequence_number, start_time_ms, text, topics, chunk_metadata)
select distinct on (monologue.call_id, monologue.index)
    md5('transcripts:' || monologue.call_id || ':' || monologue.index)::uuid, calls.id, speakers.id,
    monologue.index::int, said.start_ms, said.text, array[monologue.topic],
    jsonb_build_object('start_ms', said.start_ms, 'end_ms', said.end_ms, 'topic', monologue.topic)
from transcript as monologue
join calls on calls.gong_call_id = monologue.call_id
left join speakers on speakers.id = md5('speakers:' || monologue.call_id || ':' || monologue.speaker_id)::uuid
cross join lateral (
    select string_agg(item ->> 'text', ' ') as text, min((item ->> 'start')::int) as start_ms,
        max((item ->> 'end')::int) as end_ms
    from jsonb_array_elements(
        case when monologue.sentence like '[%]' then monologue.sentence::jsonb
             else jsonb_build_array(jsonb_build_object('text', monologue.sentence)) end
    ) as items (item)
) as said
where not monologue._fivetran_deleted and monologue.index ~ '^\d+$' and said.text is not null
order by monologue.call_id, monologue.index;
