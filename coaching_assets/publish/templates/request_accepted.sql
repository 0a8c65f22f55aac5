-- The aggregates of the rejected rows that Postgres would accept now, or would reject for another reason.
with tried as materialized (
    select * from coaching_sync.try_isolated(%(updates)s::text[], array({updated}), %(row_error)s, %(lock_error)s)
    union all
    select * from coaching_sync.try_isolated(%(inserts)s::text[], array({inserted}), %(row_error)s, %(lock_error)s)
)
insert into coaching_sync.requested_aggregates (group_name, key)
select distinct {group}, wanted.aggregate_key
from {wanted} as wanted
left join tried on tried.place = wanted.ctid
where tried.message is null or not exists (
    select from coaching_sync.rejected_rows as rejected
    where rejected.published_table = {table_name}
        and rejected.aggregate_key = wanted.aggregate_key
        and starts_with(rejected.reason, tried.message)
)
on conflict do nothing
