-- The staging tables: how they are made ready for a load, and how a first load becomes the replica's table without being
-- written twice. That is for speed: where it cannot be done, merge_staged copies the rows.

-- Whether a staging table has no columns but the replica's, in its types. It may be older than that, which was dropped or
-- restored: rows are copied in binary form, and another type of the same length would take them for other numbers.
create or replace function coaching_sync.fits(staging regclass, target regclass) returns boolean
language sql stable
as $function$
    select target is not null and not exists (
        select from pg_attribute as s left join pg_attribute as t on t.attrelid = target and t.attname = s.attname
        where s.attrelid = staging and s.attnum > 0 and not s.attisdropped
            and (s.atttypid, s.atttypmod) is distinct from (t.atttypid, t.atttypmod)
    )
$function$;

-- Empties a staging table; one that does not fit is dropped, and dlt, which makes it anew, is told to look. Where the target
-- has rows, what is staged is there to be compared, and is kept out of the write-ahead log; a crash of Postgres empties it,
-- which merge_staged notices. Where the target has none, the staging table may take its place, and has to be as durable.
create or replace function coaching_sync.prepare_staging(target_schema text, staging_schema text, table_name text) returns void
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
            execute format('delete from %I._dlt_version', staging_schema);
        end if;
        return;
    end if;
    execute format('select exists (select from %s)', target) into has_rows;
    execute format('truncate %s', staging);
    if has_rows <> (select relpersistence = 'u' from pg_class where oid = staging) then
        execute format('alter table %s set %s', staging, case when has_rows then 'unlogged' else 'logged' end);
    end if;
end
$function$;

-- What a table is, apart from its rows, its indexes and its schema.
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

-- Whether anything hangs on a table: an index, a view, a trigger, a foreign key, a publication, a comment. The table for
-- its long values and the types of its rows belong to every table; columns that are not null, which Postgres keeps as
-- constraints since version 18, are in its shape.
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

-- The indexes of a table of the replica: the key's, and those that publishing and the next sync look things up by. Only what is
-- missing is asked for: "if not exists" first takes a lock for which a vacuum at work on the table has to be broken off.
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

-- Lets a staged table take the place of an empty one, indexed and analysed, and makes a new staging table. False, and nothing
-- done, where somebody uses the empty one or something hangs on it, or a key was staged twice. What takes long is done before
-- the empty table is locked.
create or replace function coaching_sync.take_place(
    target regclass, staging regclass, key_columns text[], looked_up text[]
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
        execute format('analyze %s', staging);
        execute format('lock table %s in access exclusive mode nowait', target);
        execute format('select exists (select from %s)', target) into has_rows;
        if has_rows or coaching_sync.is_depended_on(target) then
            raise lock_not_available;
        end if;
        execute format('drop table %s', target);
        execute format('alter table %s set schema %I', staging, target_schema);
        execute format('create table %I.%I (like %s)', staging_schema, table_name, staging);
        return true;
    exception when lock_not_available or unique_violation then
        return false;
    end;
end
$function$;
