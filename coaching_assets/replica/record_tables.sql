-- Record after a load which tables are this project's, by their object ids.
with loaded as (
    select nspname, relname, pg_class.oid
    from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = any (%(schemas)s) and relname = any (%(names)s) and relkind = 'r'
),
absent as (
    delete from coaching_sync.replica_tables as recorded
    where table_schema = any (%(schemas)s) and table_name = any (%(names)s)
        and not exists (select from loaded where (nspname, relname) = (recorded.table_schema, recorded.table_name))
)
insert into coaching_sync.replica_tables as recorded (table_schema, table_name, relation, loading)
select nspname, relname, oid, false from loaded
on conflict (table_schema, table_name) do update set relation = excluded.relation, loading = false
where (recorded.relation, recorded.loading) is distinct from (excluded.relation, false)
