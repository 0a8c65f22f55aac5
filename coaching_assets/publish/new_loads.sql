-- Fill `new_load`. Loads outside the common range are compared one by one. A load whose id is within a range is new if its
-- transaction was not visible when the table was last published.
insert into new_load (source_view, load_id)
select present_load.source_view, present_load.load_id
from present_load
cross join unnest(%(tables)s::text[]) as name
left join coaching_sync.published_loads as listed
    on listed.published_table = name
    and listed.source_view = present_load.source_view
    and listed.load_id = present_load.load_id
left join coaching_sync.published_ranges as folded
    on folded.published_table = name
    and folded.source_view = present_load.source_view
    and present_load.load_id between folded.first_load and folded.last_load
where listed.load_id is null and folded.last_load is null
union
select source_view, committed.load_id
from coaching_sync.published_ranges as reflected
join source_state using (source_view)
-- most syncs end here, after one look at the index
join lateral (
    select from coaching_sync.replica_loads as load
    where load.table_schema = source_state.table_schema and load.table_name = source_state.table_name
        and transaction_id >= pg_snapshot_xmin(reflected.seen)
        and not pg_visible_in_snapshot(transaction_id, reflected.seen)
    order by transaction_id
    limit 1
) as any_unseen on true
join lateral (
    select load_id, transaction_id from coaching_sync.replica_loads as load
    where load.table_schema = source_state.table_schema and load.table_name = source_state.table_name
        and transaction_id >= pg_snapshot_xmin(reflected.seen)
        and not pg_visible_in_snapshot(transaction_id, reflected.seen)
    offset 0
) as committed on true
where reflected.published_table = any (%(tables)s)
    and committed.load_id between reflected.first_load and reflected.last_load
    -- ids of a server that the database was restored from
    and committed.transaction_id < pg_snapshot_xmax(pg_current_snapshot())
