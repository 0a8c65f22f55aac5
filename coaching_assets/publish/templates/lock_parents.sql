-- Isolate the rows that would be inserted and whose parent another transaction has locked.
with obtained as materialized (
    select parent.id
    from {parent} as parent
    where parent.id in (select {column} from {wanted})
    for key share skip locked
)
insert into isolated_place (published_table, is_deletion, place, sqlstate)
select {table_name}, false, wanted.ctid, '55P03'
from {wanted} as wanted
join {parent} as parent on parent.id = wanted.{column}
where {publishable}
    and not exists (select from {table} as row where {same_key})
    and parent.id not in (select id from obtained)
