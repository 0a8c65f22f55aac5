-- The cascading foreign keys that reference a table with doomed rows, and whether the current user may lock the rows of the
-- referencing table.
select
    child_schema.nspname::text, child.relname::text, parent_schema.nspname::text, parent.relname::text,
    (select array_agg(attname::text order by place)
     from unnest(foreign_key.conkey) with ordinality as listed (number, place)
     join pg_attribute on attrelid = foreign_key.conrelid and attnum = number) as child_columns,
    (select array_agg(attname::text order by place)
     from unnest(foreign_key.confkey) with ordinality as listed (number, place)
     join pg_attribute on attrelid = foreign_key.confrelid and attnum = number) as parent_columns,
    has_table_privilege(child.oid, 'update') as is_lockable
from pg_constraint as foreign_key
join pg_class as child on child.oid = foreign_key.conrelid
join pg_namespace as child_schema on child_schema.oid = child.relnamespace
join pg_class as parent on parent.oid = foreign_key.confrelid
join pg_namespace as parent_schema on parent_schema.oid = parent.relnamespace
where foreign_key.contype = 'f'
    and foreign_key.confdeltype = 'c'
    and foreign_key.conparentid = 0
    and foreign_key.confrelid in (select coalesce(pg_partition_root(relation), relation) from doomed)
