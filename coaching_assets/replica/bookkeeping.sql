-- What the replica keeps for itself: what each load did, and the function by which a staged table is merged.
do $$
begin
    -- asked first: "if not exists" wants the right to create schemas even where there is nothing to create
    if to_regnamespace('coaching_sync') is null then
        create schema coaching_sync;
    end if;
exception when unique_violation or duplicate_schema then
    -- somebody else made it at this very moment; "if not exists" does not see that
end
$$;

create table if not exists coaching_sync.replica_loads (
    table_schema text not null,
    table_name text not null,
    load_id text not null,
    rows_read bigint not null,
    rows_inserted bigint not null,
    rows_updated bigint not null,
    newest_source_time timestamptz,
    loaded_at timestamptz not null default now(),
    primary key (table_schema, table_name, load_id)
);

-- Since when the source had had a modification that this load was the first to bring; null where nobody noticed before.
alter table coaching_sync.replica_loads add column if not exists behind_since timestamptz;

create index if not exists replica_loads_by_time on coaching_sync.replica_loads (loaded_at);

delete from coaching_sync.replica_loads where loaded_at < now() - interval '30 days';

-- Makes `target` reflect every row of `staging`, touching only rows that differ. Both tables are dlt's, of one shape.
-- dlt's own merge neither indexes the key nor forgives a key that was staged twice; this does both, and counts.
-- A key that was staged twice keeps its newest row. Key columns may be null; two nulls are equal.
-- Of a row that is there already, only columns that the source delivers are written (all, where that is not said), and
-- with each the columns beside it that hold its values of other types: of those only one is ever filled.
-- A row that differs only in when Fivetran processed it is left as it is, stamp included, so that a re-import of everything
-- writes nothing and makes nothing due; only one row gets the newest stamp, by which the next sync knows how far this one
-- was. Of versions of a row the stamp says when, and counts; of deleted rows, where `deletion_time` is asked for.
-- What was erased on request is not merged: `identities` say by which columns a row is known (see erasure.sql).
-- Rows that were staged and are not there were lost in a crash of Postgres (see staging.sql): that is an error.
drop function if exists coaching_sync.merge_staged(regclass, regclass, text[], text[]);
drop function if exists coaching_sync.merge_staged(regclass, regclass, text[], text[], text[], jsonb);
drop function if exists coaching_sync.merge_staged(regclass, regclass, text[], text[], text[], jsonb, bigint);
create or replace function coaching_sync.merge_staged(
    target regclass, staging regclass, key_columns text[], lookup_columns text[], delivered_columns text[] default null,
    identities jsonb default '[]', rows_staged bigint default 0, deletion_time boolean default false
) returns void
language plpgsql
as $function$
declare
    cursor_column constant text := '_fivetran_synced';
    load_column constant text := '_dlt_load_id';
    variant constant text := '__v_';
    -- Fivetran's own columns say what a row is now, also by not being there: history mode may have been switched off
    delivered text[] := (
        select array_agg(split_part(d, variant, 1))
            || array['_fivetran_deleted', '_fivetran_active', '_fivetran_start', '_fivetran_end']
        from unnest(delivered_columns) as d
        having count(*) > 0
    );
    target_name name := (select relname from pg_class where oid = target);
    target_schema name := (
        select nspname from pg_class join pg_namespace on pg_namespace.oid = relnamespace where pg_class.oid = target
    );
    key_index text := format('%I.%I', target_schema, target_name || '_key');
    key_list text := (select string_agg(format('%I', k), ', ') from unnest(key_columns) as k);
    same_key text := (select string_agg(format('d.%1$I = s.%1$I', k), ' and ') from unnest(key_columns) as k);
    same_key_or_null text := (
        select string_agg(format('d.%1$I is not distinct from s.%1$I', k), ' and ') from unnest(key_columns) as k
    );
    key_has_null text := (select string_agg(format('s.%I is null', k), ' or ') from unnest(key_columns) as k);
    column_list text;
    assignments text;
    differs text;
    stamp_counts text;
    has_rows boolean;
    found boolean;
    counted bigint;
    read bigint;
    inserted bigint := 0;
    updated bigint := 0;
    staged_load text;
    newest timestamptz;
    looked_up text[] := lookup_columns || array[load_column, cursor_column];
    takes_place boolean := false;
begin
    -- json has no equality; as text it has
    select string_agg(format('%I', s.attname), ', ' order by s.attnum),
           string_agg(format('%1$I = s.%1$I', s.attname), ', ' order by s.attnum)
               filter (where delivered is null or s.attname = load_column or split_part(s.attname, variant, 1) = any (delivered)),
           string_agg(
               format(case when s.atttypid = 'json'::regtype then 'd.%1$I::text is distinct from s.%1$I::text'
                           else 'd.%1$I is distinct from s.%1$I' end, s.attname),
               ' or ' order by s.attnum
           ) filter (where s.attname not in (load_column, cursor_column) and s.attname <> all (key_columns)
                     and (delivered is null or split_part(s.attname, variant, 1) = any (delivered))),
           case when '_fivetran_start' = any (key_columns) then 'true'
                else string_agg(format('s.%I', s.attname), ' or ')
                     filter (where deletion_time and s.attname in ('_fivetran_deleted', 'is_deleted')
                             and s.atttypid = 'boolean'::regtype)
           end
    into column_list, assignments, differs, stamp_counts
    from pg_attribute as s
    join pg_attribute as d on d.attrelid = target and d.attname = s.attname and not d.attisdropped
    where s.attrelid = staging and s.attnum > 0 and not s.attisdropped;
    differs := concat_ws(
        ' or ', differs, format('(d.%1$I is distinct from s.%1$I and (%2$s))', cursor_column, coalesce(stamp_counts, 'false'))
    );

    execute format('select count(*), max(%I), max(%I) from %s', cursor_column, load_column, staging)
        into read, newest, staged_load;
    if read < rows_staged then
        raise exception using errcode = 'CS001',
            message = format('%s of %s rows are left in the staging table %s', read, rows_staged, staging);
    end if;
    execute format('select exists (select from %s)', target) into has_rows;
    if exists (select from coaching_sync.erased_identities) then
        perform coaching_sync.drop_erased(staging, identities);
    elsif not has_rows and read > 0 then
        takes_place := coaching_sync.take_place(target, staging, key_columns, looked_up);
    end if;

    if takes_place then
        inserted := read;
    elsif not has_rows then
        execute format('drop index if exists %s', key_index);
        begin
            execute format('insert into %s (%s) select %2$s from %s', target, column_list, staging);
            get diagnostics inserted = row_count;
            execute format('create unique index %I on %s (%s) nulls not distinct', target_name || '_key', target, key_list);
        exception when unique_violation then
            perform coaching_sync.drop_older_duplicates(staging, key_list);
            execute format('insert into %s (%s) select %2$s from %s', target, column_list, staging);
            get diagnostics inserted = row_count;
            execute format('create unique index %I on %s (%s) nulls not distinct', target_name || '_key', target, key_list);
        end;
    elsif read > 0 then
        execute format('analyze %s', staging);
        perform coaching_sync.follow_history_mode(target, staging, key_columns);
        perform coaching_sync.index_replica(target, key_columns, '{}');
        execute format('select exists (select from %s group by %s having count(*) > 1)', staging, key_list) into found;
        if found then
            perform coaching_sync.drop_older_duplicates(staging, key_list);
        end if;

        execute format('update %s as d set %s from %s as s where %s and (%s)', target, assignments, staging, same_key, differs);
        get diagnostics updated = row_count;

        execute format('select exists (select from %s as s where %s)', staging, key_has_null) into found;
        execute format('update %1$s as d set %2$I = s.%2$I from (select * from %3$s where %2$I = $1 limit 1) as s
                        where %4$s and d.%2$I is distinct from s.%2$I',
                       target, cursor_column, staging, case when found then same_key_or_null else same_key end)
            using newest;
        if found then
            execute format('update %s as d set %s from %s as s where (%s) and %s and (%s)',
                           target, assignments, staging, key_has_null, same_key_or_null, differs);
            get diagnostics counted = row_count;
            updated := updated + counted;
            execute format('delete from %s as s using %s as d where (%s) and %s', staging, target, key_has_null, same_key_or_null);
        end if;

        execute format('insert into %s (%s) select %2$s from %s as s where not exists (select from %1$s as d where %4$s)',
                       target, column_list, staging, same_key);
        get diagnostics inserted = row_count;
    end if;

    if not takes_place then
        perform coaching_sync.index_replica(target, key_columns, looked_up);
    end if;
    if not has_rows and not takes_place then
        execute format('analyze %s', target);
    end if;

    if staged_load is not null then
        insert into coaching_sync.replica_loads
            (table_schema, table_name, load_id, rows_read, rows_inserted, rows_updated, newest_source_time, behind_since)
        values (
            target_schema, target_name, staged_load, read, inserted, updated, newest,
            (select behind_since from coaching_sync.source_changes as noted
             where (noted.table_schema, noted.table_name) = (target_schema::text, target_name::text))
        )
        on conflict (table_schema, table_name, load_id) do nothing;
    end if;
end
$function$;

-- Of rows of one key, the one that Fivetran processed last stays.
create or replace function coaching_sync.drop_older_duplicates(staging regclass, key_list text) returns void
language plpgsql
as $function$
begin
    execute format(
        'delete from %1$s where ctid in (
             select ctid from (
                 select ctid, row_number() over (partition by %2$s order by _fivetran_synced desc nulls last, ctid desc) as place
                 from %1$s
             ) as ranked where place > 1
         )', staging, key_list
    );
end
$function$;

-- History mode, switched on or off at the source, changes the key. On: the rows from before, which have no start, give way to
-- the versions of the same key. Off: of a key's versions the newest stays.
create or replace function coaching_sync.follow_history_mode(
    target regclass, staging regclass, key_columns text[]
) returns void
language plpgsql
as $function$
declare
    start_column constant text := '_fivetran_start';
    key_index regclass := (
        select index.oid from pg_class as index join pg_class as target_table on target_table.relnamespace = index.relnamespace
        where target_table.oid = target and index.relname = target_table.relname || '_key'
    );
    indexed_columns text[] := (
        select array_agg(attname::text)
        from pg_index
        cross join unnest(indkey::smallint[]) as indexed (number)
        join pg_attribute on attrelid = indrelid and attnum = number
        where indexrelid = key_index
    );
begin
    if start_column = any(key_columns) then
        execute format(
            'delete from %1$s as d using %2$s as s where d.%3$I is null and s.%3$I is not null and %4$s',
            target, staging, start_column,
            (select string_agg(format('d.%1$I = s.%1$I', k), ' and ') from unnest(key_columns) as k where k <> start_column)
        );
    end if;
    if not (indexed_columns @> key_columns and indexed_columns <@ key_columns) then
        execute format('drop index %s', key_index);
        perform coaching_sync.drop_older_duplicates(
            target, (select string_agg(format('%I', k), ', ') from unnest(key_columns) as k)
        );
    end if;
end
$function$;

-- How each table of the source was met by the last sync.
create table if not exists coaching_sync.source_tables (
    table_schema text not null,
    table_name text not null,
    state text not null check (state in ('loaded', 'not at the source', 'failed')),
    reason text,
    since timestamptz not null default now(),
    primary key (table_schema, table_name)
);

-- As of which modification of the source's table, and into which storage, it was loaded.
alter table coaching_sync.source_tables add column if not exists modified timestamptz;
alter table coaching_sync.source_tables add column if not exists filenode oid;

-- What publishing cannot do without and the source does not deliver any more.
alter table coaching_sync.source_tables add column if not exists missing_columns text[];
-- What was erased on request: of what kind and how many things, when, by whom, and how many rows of which table. Not the data.
create table if not exists coaching_sync.erasures (
    id bigint generated always as identity primary key,
    requested jsonb not null,
    erased_at timestamptz not null default now(),
    database_user text not null default current_user,
    system_login text not null,
    rows_taken jsonb not null default '{}'
);

-- By which a later sync knows what was erased: salted hashes of ids and addresses.
create table if not exists coaching_sync.erased_identities (
    kind text not null,
    hash bytea not null,
    primary key (kind, hash)
);

create table if not exists coaching_sync.erasure_salt (
    only_row boolean primary key default true check (only_row),
    salt text not null
);

insert into coaching_sync.erasure_salt (salt)
select gen_random_uuid()::text || gen_random_uuid()::text
on conflict do nothing;

-- Since when the source has had a modification that the replica does not reflect; noticed by its metadata.
create table if not exists coaching_sync.source_changes (
    table_schema text not null,
    table_name text not null,
    behind_since timestamptz not null,
    primary key (table_schema, table_name)
);
