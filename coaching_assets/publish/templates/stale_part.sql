-- Rows of the batch's live aggregates that this project inserted and that should no longer exist. Rows that others wrote
-- stay. The array keeps Postgres from reading the whole table.
select row.id
from {wanted_root} as root
join {table} as row on row.{parent_column} = root.id
where not root.deleted
    and row.{parent_column} = any (array(select id from {wanted_root}))
    and coaching_sync.is_derived(row.id)
    and not exists (select from {wanted} as wanted where wanted.id = row.id and wanted.rejection is null)
