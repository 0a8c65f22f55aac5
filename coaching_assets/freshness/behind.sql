-- Since when each published table has not reflected the source: the source changed and was not loaded, or what was loaded
-- was not published; a load that is not published does not make it younger. No row for a table that was never published.
with made_of as (
    select * from unnest(%(published)s::text[], %(schemas)s::text[], %(tables)s::text[])
        as listed (published_table, table_schema, table_name)
)
select
    made_of.published_table,
    least(
        min(source_changes.behind_since), min(coalesce(replica_loads.behind_since, replica_loads.loaded_at))
    ) as behind_since,
    max(published_tables.published_at) as published_at
from made_of
join coaching_sync.published_tables using (published_table)
left join coaching_sync.source_changes using (table_schema, table_name)
left join coaching_sync.replica_loads
    on replica_loads.table_schema = made_of.table_schema
    and replica_loads.table_name = made_of.table_name
    and replica_loads.loaded_at > published_tables.published_at
    and replica_loads.rows_inserted + replica_loads.rows_updated > 0
group by made_of.published_table
