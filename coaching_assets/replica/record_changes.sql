-- Record since when the replica is behind: the first modification that was noticed, until it is loaded.
with changed as (
    select table_schema, table_name, coalesce(modified, now()) as modified
    from unnest(%(schemas)s::text[], %(tables)s::text[], %(modified)s::timestamptz[])
        as seen (table_schema, table_name, modified)
),
reflected as (
    delete from coaching_sync.source_changes as recorded
    where not exists (
        select from changed where (changed.table_schema, changed.table_name) = (recorded.table_schema, recorded.table_name)
    )
)
insert into coaching_sync.source_changes (table_schema, table_name, behind_since)
select table_schema, table_name, modified from changed
on conflict do nothing
