-- The aggregates of the rejected rows that Postgres would accept now, or would reject for another reason.
insert into coaching_sync.requested_aggregates (group_name, key)
select distinct {group}, wanted.aggregate_key
from coaching_sync.try_isolated(%s::text[], array(select ctid from {wanted}), %s, %s) as tried
join {wanted} as wanted on wanted.ctid = tried.place
where tried.message is null or not exists (
    select from coaching_sync.rejected_rows as rejected
    where rejected.published_table = {table_name}
        and rejected.aggregate_key = wanted.aggregate_key
        and starts_with(rejected.reason, tried.message)
)
on conflict do nothing
