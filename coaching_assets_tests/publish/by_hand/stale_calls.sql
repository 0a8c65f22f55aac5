-- Published calls that are deleted at the source, or that vanished from it.
select calls.id, 'deleted at the source' as reason from wanted_calls as wanted join calls on calls.id = wanted.id where wanted.deleted
union
select calls.id, 'vanished from the source'
from coaching_sync.requested_aggregates as requested
join calls on calls.gong_call_id = requested.key
where requested.group_name = 'calls'
    and requested.vanished
    and requested.key in (select key from batch)
    and not exists (select from gong_call where gong_call.id = requested.key)
