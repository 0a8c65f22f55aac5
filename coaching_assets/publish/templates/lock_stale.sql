-- Isolate the stale rows that another transaction has locked.
with obtained as materialized (
    select stale.ctid as place
    from {table} as row
    join {stale} as stale on {same_key}
    for update of row skip locked
)
insert into isolated_place (published_table, is_deletion, place, sqlstate)
select {table_name}, true, stale.ctid, '55P03'
from {table} as row
join {stale} as stale on {same_key}
where stale.ctid not in (select place from obtained)
