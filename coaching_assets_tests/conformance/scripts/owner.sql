-- Row-level security under an owner that is no superuser; the sync is a member of that owner, and has no bypassrls.
do $$
declare
    listed regclass;
begin
    if not exists (select from pg_roles where rolname = 'application_owner') then
        create role application_owner;
    end if;
    execute format('grant usage on schema %I, "Other People" to application_owner', current_schema);
    for listed in
        select pg_class.oid::regclass
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where relkind in ('r', 'p') and nspname in (current_schema, 'Other People')
    loop
        execute format('alter table %s owner to application_owner', listed);
        execute format('alter table %s enable row level security', listed);
    end loop;
end
$$;
grant application_owner to coaching_sync;
