-- The foreign keys that reference a table of the current schema.
select
    child.relnamespace = parent.relnamespace as same_schema,
    child.relnamespace::regnamespace::text as child_schema,
    child.relname::text as child_table,
    attribute.attname::text as child_column,
    foreign_key.confdeltype = 'c' as cascades
from pg_constraint as foreign_key
join pg_class as parent on parent.oid = foreign_key.confrelid
join pg_class as child on child.oid = foreign_key.conrelid
join pg_attribute as attribute on attribute.attrelid = child.oid and attribute.attnum = foreign_key.conkey[1]
where foreign_key.contype = 'f'
    and foreign_key.confrelid = to_regclass(quote_ident(current_schema) || '.' || quote_ident(%(table)s))
    and foreign_key.conparentid = 0
order by child_schema, child_table, child_column
