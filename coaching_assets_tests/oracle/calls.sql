-- One row for each call with a current row; needs the speakers.
create table published.calls as
with workspaces as (
    select id, list_sort(list(distinct workspace_id) filter (where workspace_id is not null)) as workspace_ids
    from gong.call
    group by id
),
reps as (
    select gong_call_id, list_sort(list(distinct name)) as names
    from published.speakers
    where state = 'published' and company_side
    group by gong_call_id
),
timed as (
    select
        *,
        as_time(started) as started_at,
        coalesce(as_time(scheduled), as_time(started)) as scheduled_at
    from published.call_rows
)
select
    call.id as gong_call_id,
    call.title,
    call.scheduled_at,
    as_whole(call.duration) as duration_seconds,
    call.purpose as call_type,
    call.scheduled_at::date as date,
    coalesce(reps.names, []) as prefect_reps,
    {
        'gong_url': call.url,
        'started': json_time(call.started_at),
        'direction': call.direction,
        'scope': call.scope,
        'system': call.system,
        'systems': call.systems,
        'meeting_url': call.meeting_url,
        'is_private': try_cast(call.is_private as boolean),
        'primary_user_id': call.primary_user_id,
        'languages': call.languages,
        'custom_data': call.custom_data,
        'brief': call.brief,
        'outcome': call.call_outcome_name,
        'workspace_ids': workspaces.workspace_ids,
        'validation_warnings': present([
            case
                when call.scheduled is not null and as_time(call.scheduled) is null
                    or call.started is not null and call.started_at is null then 'scheduled_at'
            end,
            case when call.duration is not null and as_whole(call.duration) is null then 'duration_seconds' end
        ])
    } as metadata,
    'published' as state,
    [call.id] as source_key
from timed as call
join workspaces on workspaces.id = call.id
left join reps on reps.gong_call_id = call.id;

insert into published.calls (state, source_key)
select 'rejected', [null] from gong.call where id is null limit 1;
