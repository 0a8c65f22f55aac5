-- The batch's calls, as they should be. A call is deleted if all of its source rows are.
with source_call as (
    select distinct on (id) *
    from gong_call
    where id in (select key from batch)
    order by id, deleted, workspace_id collate "C" nulls last
),
workspaces as (
    select id, jsonb_agg(distinct workspace_id collate "C" order by workspace_id collate "C") as ids
    from gong_call
    where id in (select key from batch) and not deleted and workspace_id is not null
    group by id
),
representative as (
    select aggregate_key, array_agg(distinct name order by name) as names
    from (select aggregate_key, name collate "C" as name from wanted_speakers where company_side) as company_side
    group by aggregate_key
)
select
    source_call.id as aggregate_key,
    coalesce(calls.id, coaching_sync.derived_id('calls', source_call.id)) as id,
    source_call.deleted,
    coaching_sync.json_time(source_call.synced_at) as deleted_at,
    source_call.id::varchar as gong_call_id,
    source_call.title,
    coalesce(source_call.scheduled, source_call.started) at time zone 'UTC' as scheduled_at,
    coaching_sync.rounded_integer(source_call.duration) as duration_seconds,
    source_call.purpose as call_type,
    (coalesce(source_call.scheduled, source_call.started) at time zone 'UTC')::date as date,
    coalesce(representative.names::varchar[], '{}') as prefect_reps,
    now() at time zone 'UTC' as processed_at,
    coaching_sync.without_empty(jsonb_build_object(
        'gong_url', source_call.url,
        'started', coaching_sync.json_time(source_call.started),
        'direction', source_call.direction,
        'scope', source_call.scope,
        'system', source_call.system,
        'systems', source_call.systems,
        'meeting_url', source_call.meeting_url,
        'is_private', source_call.is_private,
        'primary_user_id', source_call.primary_user_id,
        'languages', source_call.languages,
        'custom_data', source_call.custom_data,
        'brief', source_call.brief,
        'outcome', source_call.call_outcome_name,
        'workspace_ids', workspaces.ids,
        'validation_warnings', warnings.list
    )) as metadata
from source_call
left join calls on calls.gong_call_id = source_call.id
left join workspaces on workspaces.id = source_call.id
left join representative on representative.aggregate_key = source_call.id
cross join lateral (
    select jsonb_agg(warning order by warning collate "C") as list
    from (values
        (case when source_call.scheduled is null and source_call.scheduled__raw is not null
              then format('scheduled_at: scheduled %L is no time', source_call.scheduled__raw) end),
        (case when source_call.started is null and source_call.started__raw is not null
              then format('scheduled_at: started %L is no time', source_call.started__raw) end),
        (case when coaching_sync.rounded_integer(source_call.duration) is null and source_call.duration__raw is not null
              then format('duration_seconds: %L is no number of seconds', source_call.duration__raw) end)
    ) as found (warning)
    where warning is not null
) as warnings
