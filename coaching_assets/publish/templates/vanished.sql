-- The aggregates that this project published and that have no row left in the replica.
select row.{key_column} as key
from {table} as row
where coaching_sync.is_derived(row.id)
    and exists (select from source_table where view = any ({origins}) and present)
    and not ({exists})
