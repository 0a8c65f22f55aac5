-- Row-level security on every table, with policies for roles that the sync does not have.
do $$
declare
    listed regclass;
begin
    for listed in
        select pg_class.oid::regclass
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where relkind in ('r', 'p') and nspname in (current_schema, 'Other People')
    loop
        execute format('alter table %s enable row level security', listed);
        execute format('create policy coaches on %s to pg_monitor using (true)', listed);
    end loop;
end
$$;
alter role coaching_sync bypassrls;
