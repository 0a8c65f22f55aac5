-- The relations with one of these names or object ids in some schemas. Reads the system catalogs only, so that it needs no
-- right on the schemas.
select
    nspname, relname, pg_class.oid::bigint, relkind, pg_relation_filenode(pg_class.oid)::bigint,
    has_schema_privilege(pg_namespace.oid, 'usage') and has_table_privilege(pg_class.oid, 'select'),
    array(select attname::text from pg_attribute where attrelid = pg_class.oid and attnum > 0 and not attisdropped)
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = any (%(schemas)s) and (relname = any (%(names)s) or pg_class.oid = any (%(oids)s::bigint[]::oid[]))
