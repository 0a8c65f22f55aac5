-- The aggregates that this project published and of which the replica has no row left.
select row.{key_column} as key
from {table} as row
where coaching_sync.is_derived(row.id)
    and exists (select from source_table where view = any ({origins}) and present)
    and not ({exists})
