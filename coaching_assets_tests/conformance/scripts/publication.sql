-- What a blue/green upgrade or change data capture creates. Updates and deletions then fail in tables without a replica identity:
-- the application has given one to its own tables.
do $$
declare
    listed regclass;
begin
    for listed in
        select pg_class.oid::regclass
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where relkind in ('r', 'p') and nspname in (current_schema, 'Other People', 'archive')
            and not exists (select from pg_index where indrelid = pg_class.oid and indisprimary)
    loop
        execute format('alter table %s replica identity full', listed);
    end loop;
end
$$;
create publication changes for all tables;
