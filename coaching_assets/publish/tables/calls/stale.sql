-- Published calls that are deleted at the source, or that a reconciliation found to be gone from it. If the replica has no
-- row of a workspace that the call was in, only the reconciliation knows whether the source has one.
select
    calls.id,
    case
        when exists (
            select from jsonb_array_elements_text(
                case jsonb_typeof(calls.metadata -> 'workspace_ids') when 'array' then calls.metadata -> 'workspace_ids' end
            ) as published (workspace_id)
            where not exists (
                select from gong_call
                where gong_call.id = wanted.aggregate_key and gong_call.workspace_id = published.workspace_id
            )
        ) then 'vanished from the source'
        else 'deleted at the source'
    end as reason
from wanted_calls as wanted
join calls on calls.id = wanted.id
where wanted.deleted
union
select calls.id, 'vanished from the source'
from coaching_sync.requested_aggregates as requested
join calls on calls.gong_call_id = requested.key
where requested.group_name = 'calls'
    and requested.vanished
    and requested.key in (select key from batch)
    and not exists (select from wanted_calls as wanted where wanted.aggregate_key = requested.key)
