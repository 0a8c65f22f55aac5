-- Schemas that exist and contain something. Default privileges and publications of a schema are not in it.
select nspname
from pg_namespace
where nspname = any (%(schemas)s) and exists (
    select from pg_depend
    where refclassid = 'pg_namespace'::regclass and refobjid = pg_namespace.oid
        and classid not in ('pg_default_acl'::regclass, 'pg_publication_namespace'::regclass)
)
