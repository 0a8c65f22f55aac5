-- breaking: no
-- Staging tables: how they are prepared, and how a first load becomes the replica table without being written twice.

-- COPY writes rows in binary form: in a column of another type of the same length they would become other numbers.
create or replace function coaching_sync.fits(staging regclass, target regclass) returns boolean
language sql stable
as $function$
    select target is not null and not exists (
        select from pg_attribute as s left join pg_attribute as t on t.attrelid = target and t.attname = s.attname
        where s.attrelid = staging and s.attnum > 0 and not s.attisdropped
            and (s.atttypid, s.atttypmod) is distinct from (t.atttypid, t.atttypmod)
    )
$function$;

comment on function coaching_sync.fits(regclass, regclass) is
    'Whether a staging table has only columns of the replica table, with the same types.';

create or replace function coaching_sync.lock_at_once(rows regclass) returns boolean
language plpgsql
as $function$
begin
    execute format('lock table %s in access exclusive mode nowait', rows);
    return true;
exception when lock_not_available then
    return false;
end
$function$;

comment on function coaching_sync.lock_at_once(regclass) is
    'Lock a table exclusively, if nobody uses it. Returns whether it is locked.';

-- The session that holds the lock on loading may end unnoticed while another session of the same load writes. The shared
-- lock lasts until that transaction ends, and the next holder waits for it. So a load writes either before or not at all.
create or replace function coaching_sync.require_load_lock(lock_key text, holder integer) returns void
language plpgsql
as $function$
declare
    lock_class constant integer := x'636f6163'::integer;
begin
    perform pg_advisory_xact_lock_shared(lock_class, hashtext('writing ' || lock_key));
    if not exists (
        select from pg_locks
        where locktype = 'advisory' and granted and pid = holder
            and database = (select oid from pg_database where datname = current_database())
            and classid = lock_class::oid and objid = hashtext(lock_key)::oid and objsubid = 2
    ) then
        raise exception using errcode = 'CS002', message = format('the session that held the lock "%s" has ended', lock_key);
    end if;
end
$function$;

comment on function coaching_sync.require_load_lock(text, integer) is
    'Raise CS002 unless the server process holds the lock on loading. Keep the next holder waiting until the transaction ends.';

-- "truncate" needs an exclusive lock, which conflicts with every reader, pg_dump for example; "delete" does not.
create or replace function coaching_sync.empty_staging(staging regclass) returns void
language plpgsql
as $function$
begin
    perform coaching_sync.forget_refused(staging);
    if pg_relation_size(staging) > 16 * 1024 * 1024 and coaching_sync.lock_at_once(staging) then
        execute format('truncate %s', staging);
    else
        execute format('delete from %s', staging);
    end if;
end
$function$;

comment on function coaching_sync.empty_staging(regclass) is
    'Delete all rows of a staging table, and its refused rows. Truncates it if it is large and nobody uses it.';

-- If the replica table has rows, staged rows are only compared with them. An unlogged table is enough for that; a crash of
-- Postgres empties it, which merge_table notices. If the replica table is empty, the staging table may replace it.
create or replace function coaching_sync.ready_staging(target_schema text, staging_schema text, table_name text) returns void
language plpgsql
as $function$
declare
    target regclass := to_regclass(format('%I.%I', target_schema, table_name));
    staging regclass := to_regclass(format('%I.%I', staging_schema, table_name));
    has_rows boolean := false;
begin
    if staging is null then
        return;
    end if;
    if not coaching_sync.fits(staging, target) then
        execute format('drop table %s', staging);
        if to_regclass(format('%I._dlt_version', staging_schema)) is not null then
            execute format('delete from %I._dlt_version where strpos(schema, ''"x-coaching-key"'') > 0', staging_schema);
        end if;
        return;
    end if;
    execute format('select exists (select from %s)', target) into has_rows;
    if has_rows <> (select relpersistence = 'u' from pg_class where oid = staging) and coaching_sync.lock_at_once(staging) then
        execute format('truncate %s', staging);
        execute format('alter table %s set %s', staging, case when has_rows then 'unlogged' else 'logged' end);
    else
        perform coaching_sync.empty_staging(staging);
    end if;
end
$function$;

comment on function coaching_sync.ready_staging(text, text, text) is
    'Empty a staging table before a load. Drops it if its columns do not fit; dlt then creates it again.';

create or replace function coaching_sync.shape_of(rows regclass) returns text
language sql stable
as $function$
    select row(
        relname, relkind, relpersistence, relowner, relacl, reloptions, reltablespace, relam, relreplident, relrowsecurity,
        (select array_agg(
             row(attname, atttypid, atttypmod, attcollation, attnotnull, attisdropped, attacl, attoptions)::text order by attnum)
         from pg_attribute where attrelid = oid and attnum > 0)
    )::text
    from pg_class where oid = rows
$function$;

comment on function coaching_sync.shape_of(regclass) is
    'Everything that defines a table, except its rows, indexes and schema.';

-- Every table has a TOAST table and row types. NOT NULL columns, which Postgres 18 stores as constraints, are in its shape.
create or replace function coaching_sync.is_depended_on(rows regclass) returns boolean
language sql stable
as $function$
    select exists (
        select from pg_depend
        where deptype <> 'i'
            and not (classid = 'pg_constraint'::regclass and objid in (select oid from pg_constraint where contype = 'n'))
            and (
                (refclassid = 'pg_class'::regclass and refobjid = rows)
                or (refclassid = 'pg_type'::regclass and refobjid in (
                    select unnest(array[pg_type.oid, typarray]) from pg_type where typrelid = rows
                ))
            )
    ) or exists (select from pg_description where classoid = 'pg_class'::regclass and objoid = rows)
$function$;

comment on function coaching_sync.is_depended_on(regclass) is
    'Whether anything depends on a table: an index, view, trigger, foreign key, publication or comment.';

-- Asked first: "create index if not exists" takes a lock that cancels a running autovacuum, even if the index exists.
create or replace function coaching_sync.index_replica(rows regclass, key_columns text[], looked_up text[]) returns void
language plpgsql
as $function$
declare
    schema name;
    name name;
    lookup text;
begin
    select nspname, relname into schema, name
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace where pg_class.oid = rows;
    perform set_config(
        'maintenance_work_mem',
        greatest(pg_size_bytes(current_setting('maintenance_work_mem')), pg_size_bytes('256MB')) / 1024 || 'kB', true
    );
    if to_regclass(format('%I.%I', schema, name || '_key')) is null then
        execute format('create unique index %I on %s (%s) nulls not distinct', name || '_key', rows,
                       (select string_agg(format('%I', k), ', ') from unnest(key_columns) as k));
    end if;
    foreach lookup in array looked_up loop
        if to_regclass(format('%I.%I', schema, name || '_by_' || lookup)) is null then
            execute format('create index %I on %s (%I)', name || '_by_' || lookup, rows, lookup);
        end if;
    end loop;
end
$function$;

comment on function coaching_sync.index_replica(regclass, text[], text[]) is
    'Create missing indexes of a replica table: the unique index of its key, and one index per lookup column.';

-- The condition is the one of publish/keyless.sql, as the views spell it: Postgres then reads the index instead of the table.
create or replace function coaching_sync.index_incomplete(rows regclass, needed text[]) returns void
language plpgsql
as $function$
declare
    schema name;
    index_name name;
begin
    select nspname, left(concat_ws('_', relname, 'without', array_to_string(needed, '_')), 63) into schema, index_name
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace where pg_class.oid = rows;
    -- the text of other types, such as times, depends on settings
    if needed <@ array(
            select attname::text from pg_attribute
            where attrelid = rows and not attisdropped and atttypid = any ('{varchar,text,int8,numeric}'::regtype[])
        )
        and needed <> '{}' and to_regclass(format('%I.%I', schema, index_name)) is null
    then
        execute format('create index %I on %s (%I) where %s', index_name, rows, '_dlt_load_id', (
            select string_agg(format('%1$I::text is null or %1$I::text = %2$L', name, ''), ' or ') from unnest(needed) as name
        ));
    end if;
end
$function$;

comment on function coaching_sync.index_incomplete(regclass, text[]) is
    'Create the missing index of a replica table''s rows that lack a needed column.';

-- The slow steps come before the lock on the empty table.
create or replace function coaching_sync.swap_in(
    target regclass, staging regclass, key_columns text[], looked_up text[], needed text[]
) returns boolean
language plpgsql
as $function$
declare
    table_name name;
    target_schema name;
    staging_schema name;
    has_rows boolean;
begin
    select relname, nspname into table_name, target_schema
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace where pg_class.oid = target;
    select nspname into staging_schema
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace where pg_class.oid = staging;
    if coaching_sync.is_depended_on(target) or coaching_sync.shape_of(target) <> coaching_sync.shape_of(staging) then
        return false;
    end if;
    begin
        perform coaching_sync.index_replica(staging, key_columns, looked_up);
        perform coaching_sync.index_incomplete(staging, needed);
        execute format('analyze %s', staging);
        execute format('lock table %s in access exclusive mode nowait', target);
        execute format('select exists (select from %s)', target) into has_rows;
        if has_rows or coaching_sync.is_depended_on(target) then
            raise lock_not_available;
        end if;
        execute format('drop table %s', target);
        execute format('alter table %s set schema %I', staging, target_schema);
        execute format('create unlogged table %I.%I (like %s)', staging_schema, table_name, staging);
        return true;
    exception when lock_not_available or unique_violation then
        return false;
    end;
end
$function$;

comment on function coaching_sync.swap_in(regclass, regclass, text[], text[], text[]) is
    'Replace an empty replica table by its staging table, and create a new staging table. Returns false, and changes nothing, if the empty table is in use, something depends on it, or a key was staged twice.';
