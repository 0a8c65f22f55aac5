-- Isolate the stale rows whose deletion would cascade to a row that another transaction has locked.
with cascaded as materialized (
    select stale.ctid as place, child.tableoid as relation, child.ctid as child_place
    from {table} as row
    join {stale} as stale on {same_key}
    join {child} as child on {references}
),
obtained as materialized (
    select child.tableoid as relation, child.ctid as child_place
    from {child} as child
    where (child.tableoid, child.ctid) in (select relation, child_place from cascaded)
    for update skip locked
)
insert into isolated_place (published_table, is_deletion, place, sqlstate)
select distinct {table_name}, true, place, '55P03'
from cascaded
where (relation, child_place) not in (select relation, child_place from obtained)
    and place not in (select place from isolated_place where published_table = {table_name} and is_deletion)
