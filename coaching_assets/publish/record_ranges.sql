-- Fold all but the newest loads of each source into the range that a table reflects. The table reflects every load that was
-- found: those in `present_load`, and those in the range that it had before. Only ids that are times have an order.
with placed as (
    select
        source_view, load_id, load_id ~ '^[0-9]' as is_time,
        row_number() over (partition by source_view, load_id ~ '^[0-9]' order by load_id desc) as place
    from present_load
),
folded as (
    select source_view, min(load_id) as first_load, max(load_id) filter (where is_time and place > %(kept)s) as last_load
    from placed
    group by source_view
)
insert into coaching_sync.published_ranges as reflected
    (published_table, source_view, first_load, last_load, storage, seen)
select
    %(table)s, source_view, case when folded.last_load is not null then folded.first_load end, folded.last_load,
    source_state.storage, %(seen)s::pg_snapshot
from source_state
left join folded using (source_view)
on conflict (published_table, source_view) do update
set first_load = least(reflected.first_load, excluded.first_load),
    last_load = greatest(reflected.last_load, excluded.last_load),
    storage = excluded.storage,
    seen = excluded.seen
where excluded.last_load is not null
    or exists (select from new_load where new_load.source_view = excluded.source_view)
    -- so that the next look begins after the loads that brought nothing
    or exists (
        select from source_state
        cross join lateral (
            select from coaching_sync.replica_loads as load
            where load.table_schema = source_state.table_schema and load.table_name = source_state.table_name
                and transaction_id >= pg_snapshot_xmin(reflected.seen)
                and not pg_visible_in_snapshot(transaction_id, reflected.seen)
                and pg_visible_in_snapshot(transaction_id, excluded.seen)
            order by transaction_id
            limit 1
        ) as seen_now
        where source_state.source_view = excluded.source_view
    )
