-- Take the rows whose deletion Postgres rejected, or that are locked, out of the stale rows, and keep them for the record.
with taken as (
    delete from {stale} as stale
    using isolated_place as isolated
    where isolated.published_table = {table_name} and isolated.is_deletion and isolated.place = stale.ctid
    returning isolated.*, stale.*
)
insert into isolated_row (published_table, aggregate_key, key, reason, sqlstate, constraint_name, wanted_row, is_deletion)
select taken.published_table, {root_key}, {key}, taken.message, taken.sqlstate, taken.constraint_name, null, true
from taken
join {table} as row on {same_key}
{join_root}
