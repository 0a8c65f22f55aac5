-- Isolate the rows that Postgres rejected when the last sync wrote them, unless they changed.
insert into isolated_place (published_table, is_deletion, place, sqlstate)
select {table_name}, false, wanted.ctid, rejected.sqlstate
from {wanted} as wanted
join coaching_sync.rejected_rows as rejected
    on rejected.published_table = {table_name}
    and rejected.aggregate_key = wanted.aggregate_key
    and rejected.key = {key}
where rejected.sqlstate is not null
    and (rejected.wanted_row is null or rejected.wanted_row - {once} = to_jsonb(wanted) - {once})
