-- Creates a role with the least rights that a sync needs. Run it as the owner of the database and of the application's tables;
-- running it again does no harm. Then set a password: alter role coaching_sync login password '…';
-- Change the names below if COACHING_SCHEMA is not `public`, if the datasets or the role have other names, or if
-- REPLICA_SCHEMA_PREFIX is set.
-- The role owns nothing of the application's: it cannot alter, drop or truncate the application's tables.
do $$
declare
    role_name constant name := 'coaching_sync';
    application constant name := 'public';
    own_schemas constant name[] := array[
        'coaching_sync', 'gongio_ft', 'gongio_ft_staging', 'salesforce_ft', 'salesforce_ft_staging',
        -- for `coaching adopt --dry-run`
        'coaching_dry_run_gong', 'coaching_dry_run_gong_staging',
        'coaching_dry_run_salesforce', 'coaching_dry_run_salesforce_staging'
    ];
    published constant name[] := array['calls', 'speakers', 'transcripts', 'opportunities', 'emails', 'call_opportunities', 'sync_status'];
    own name;
    published_table name;
    child record;
begin
    if not exists (select from pg_roles where rolname = role_name) then
        execute format('create role %I nologin', role_name);
    end if;
    execute format('grant temporary on database %I to %I', current_database(), role_name);
    execute format('grant usage on schema %I to %I', application, role_name);
    foreach published_table in array published loop
        execute format('grant select, insert, update, delete on %I.%I to %I', application, published_table, role_name);
    end loop;
    -- before a deletion, the sync checks whether rows of the application reference the row; an erasure counts those that go along
    for child in
        with recursive reached as (
            select to_regclass(format('%I.%I', application, listed))::oid as relation, false as is_child
            from unnest(published) as listed
            union
            select following.relation, following.is_child
            from reached
            cross join lateral (
                select conrelid, true from pg_constraint where contype = 'f' and confrelid = reached.relation
                union all
                select inhrelid, false from pg_inherits where inhparent = reached.relation
            ) as following (relation, is_child)
        )
        select distinct relation::regclass as name, relnamespace::regnamespace as home
        from reached
        join pg_class on pg_class.oid = relation
        where is_child
    loop
        execute format('grant usage on schema %s to %I', child.home, role_name);
        execute format('grant select on %s to %I', child.name, role_name);
    end loop;
    -- triggers of the application may call functions in the schemas of the search path
    foreach own in array current_schemas(false) loop
        execute format('grant usage on schema %I to %I', own, role_name);
    end loop;
    -- created here, so that the role needs no right to create schemas
    foreach own in array own_schemas loop
        execute format('create schema if not exists %I', own);
        execute format('grant usage, create on schema %I to %I', own, role_name);
    end loop;
end
$$;
