-- The foreign keys that reference a table of the current schema, one of its partitions, or a table that inherits from it.
with recursive referenced as (
    select to_regclass(quote_ident(current_schema) || '.' || quote_ident(%(table)s))::oid as relation
    union all
    select inhrelid from pg_inherits join referenced on inhparent = referenced.relation
)
select
    child_schema.nspname = current_schema as same_schema,
    child_schema.nspname::text as child_schema,
    child.relname::text as child_table,
    (select array_agg(attname::text order by place)
     from unnest(foreign_key.conkey) with ordinality as listed (number, place)
     join pg_attribute on attrelid = foreign_key.conrelid and attnum = number) as child_columns,
    (select array_agg(attname::text order by place)
     from unnest(foreign_key.confkey) with ordinality as listed (number, place)
     join pg_attribute on attrelid = foreign_key.confrelid and attnum = number) as referenced_columns,
    foreign_key.confdeltype = 'c' as cascades,
    has_schema_privilege(child_schema.oid, 'usage') and has_table_privilege(child.oid, 'select') as is_readable
from pg_constraint as foreign_key
join referenced on referenced.relation = foreign_key.confrelid
join pg_class as child on child.oid = foreign_key.conrelid
join pg_namespace as child_schema on child_schema.oid = child.relnamespace
where foreign_key.contype = 'f' and foreign_key.conparentid = 0
order by child_schema, child_table, child_columns
