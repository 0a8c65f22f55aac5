-- Published rows that are deleted at the source, that a reconciliation found to be gone from it, or that this project
-- inserted and that can no longer be published.
select row.id, case when wanted.deleted then 'deleted at the source' else 'rejected' end as reason
from {wanted} as wanted
join {table} as row on row.id = wanted.id
where wanted.deleted or (wanted.rejection is not null and coaching_sync.is_derived(row.id))
union
select row.id, 'vanished from the source'
from coaching_sync.requested_aggregates as requested
join {table} as row on row.{key_column} = requested.key
where requested.group_name = {table_name}
    and requested.vanished
    and requested.key in (select key from batch)
    and not exists (select from {wanted} as wanted where wanted.aggregate_key = requested.key)
