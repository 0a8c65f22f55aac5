-- Isolate the rows that Postgres kept when the last sync deleted them.
insert into isolated_place (published_table, is_deletion, place, sqlstate)
select {table_name}, true, stale.ctid, rejected.sqlstate
from {stale} as stale
join {table} as row on {same_key}
{join_root}
join coaching_sync.rejected_rows as rejected
    on rejected.published_table = {table_name}
    and rejected.aggregate_key = {root_key}
    and rejected.key = {key}
where rejected.sqlstate is not null
