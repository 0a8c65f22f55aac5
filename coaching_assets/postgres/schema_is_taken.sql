-- Whether a schema contains something, but no table of this project. Other programs may have a table schema_migrations, too.
select exists (
    select from pg_depend
    join pg_namespace on pg_namespace.oid = refobjid
    where refclassid = 'pg_namespace'::regclass and nspname = %(schema)s
        and classid not in ('pg_default_acl'::regclass, 'pg_publication_namespace'::regclass)
) and (
    exists (
        select from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where (nspname, relname) = (%(schema)s, 'schema_migrations')
            and not exists (select from pg_attribute where attrelid = pg_class.oid and attname = 'program_version')
    )
    or not exists (
        select from (values
            ('schema_migrations', 'program_version'), ('replica_loads', 'load_id'), ('published_loads', 'load_id'),
            ('adopted_speakers', 'speaker_id'), ('erased_identities', 'hash')
        ) as own (table_name, column_name)
        join pg_class on relname = table_name
        join pg_namespace on pg_namespace.oid = relnamespace and nspname = %(schema)s
        join pg_attribute on attrelid = pg_class.oid and attname = column_name
        where relkind = 'r'
    )
)
