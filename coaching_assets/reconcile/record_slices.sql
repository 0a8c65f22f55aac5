-- Records the slices of a table: what was compared, and which were too large. Slices that no longer exist are deleted.
delete from coaching_sync.compared_slices
where table_schema = %(schema)s and table_name = %(table)s and slice <> all (%(slices)s::text[]);

insert into coaching_sync.compared_slices (table_schema, table_name, slice)
select %(schema)s, %(table)s, slice from unnest(%(slices)s::text[]) as slice
on conflict do nothing;

update coaching_sync.compared_slices as recorded
set proven_at = case when is_proven then now() end, compared_at = case when compared.bytes is null then now() end, rows = compared.rows, bytes = compared.bytes
from unnest(%(compared)s::text[], %(proven)s::boolean[], %(rows)s::bigint[], %(bytes)s::bigint[])
    as compared (slice, is_proven, rows, bytes)
where table_schema = %(schema)s and table_name = %(table)s and recorded.slice = compared.slice
