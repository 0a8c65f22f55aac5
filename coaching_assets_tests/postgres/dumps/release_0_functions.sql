-- The SQL that every sync of release 0 runs. A test runs it to act as an old program on a newer schema.

-- replica/bookkeeping.sql
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

-- replica/erasure.sql
-- What keeps erased rows away: which rows name something that was erased, and what is done to them. `identities` are the
-- catalogue's, as JSON. None of these functions runs where nothing was ever erased.

-- Which rows of the source the replica does not hold as they are, because of an erasure: salted hashes of a row's key and
-- contents on either side, noted by the reconciliation right after it has read the table whole.
create table if not exists coaching_sync.withheld_rows (
    table_schema text not null,
    table_name text not null,
    hash bytea not null,
    primary key (table_schema, table_name, hash)
);

-- The salted hash under which an erased value is remembered.
create or replace function coaching_sync.erased_hash(kind text, value text) returns bytea
language sql stable strict
as $function$
    select sha256(convert_to(
        salt || ':' || kind || ':' || case kind when 'address' then lower(btrim(value, E' \t\r\n')) else value end, 'UTF8'
    ))
    from coaching_sync.erasure_salt
$function$;

-- A member of a JSON object, or null where the text is none.
create or replace function coaching_sync.json_member(value text, member text) returns text
language plpgsql immutable strict
as $function$
begin
    return value::jsonb ->> member;
exception when others then
    return null;
end
$function$;

-- The SQL expression of an identity's value in a row `r`; null where a column is not there. Of a column whose type
-- changed, dlt keeps the new values in a second one.
create or replace function coaching_sync.identity_value(rows regclass, identity jsonb) returns text
language sql stable
as $function$
    with part as (
        select place, string_agg(
            case when identity ->> 'member' is null then format('r.%I::text', attname)
                 else format('coaching_sync.json_member(r.%I::text, %L)', attname, identity ->> 'member') end,
            ', ' order by attnum
        ) as variants
        from jsonb_array_elements_text(identity -> 'columns') with ordinality as wanted (name, place)
        left join pg_attribute on attrelid = rows and attnum > 0 and not attisdropped
            and (attname = name or starts_with(attname, name || '__v_'))
        group by place
    )
    select case when bool_and(variants is not null)
                then string_agg(format('coalesce(%s)', variants), ' || chr(31) || ' order by place) end
    from part
$function$;

-- The SQL expression of an identity's hash in a row `r`.
create or replace function coaching_sync.identity_hash(rows regclass, identity jsonb) returns text
language sql stable
as $function$
    select format(
        'sha256(convert_to(%L || %s, ''UTF8''))',
        salt || ':' || (identity ->> 'kind') || ':',
        case identity ->> 'kind' when 'address' then format(E'lower(btrim(%s, E'' \\t\\r\\n''))', value) else value end
    )
    from coaching_sync.erasure_salt, coaching_sync.identity_value(rows, identity) as value
    where value is not null
$function$;

-- The SQL condition that a row `r` names something that was erased, by identities of which only the value goes, or the row.
create or replace function coaching_sync.names_erased(rows regclass, identities jsonb, value_only boolean) returns text
language sql stable
as $function$
    select coalesce(string_agg(
        format('%s in (select hash from coaching_sync.erased_identities where kind = %L)',
               coaching_sync.identity_hash(rows, identity), identity ->> 'kind'),
        ' or '
    ) filter (where coaching_sync.identity_hash(rows, identity) is not null), 'false')
    from jsonb_array_elements(identities) as listed (identity)
    where (identity ->> 'value_only')::boolean = value_only
$function$;

-- Remembers what the rows that go lead to; says how much of that is new.
create or replace function coaching_sync.reveal_erased(rows regclass, identities jsonb) returns bigint
language plpgsql
as $function$
declare
    goes text := coaching_sync.names_erased(rows, identities, false);
    identity jsonb;
    counted bigint;
    revealed bigint := 0;
begin
    for identity in select item from jsonb_array_elements(identities) as listed (item) where (item ->> 'reveals')::boolean
    loop
        if coaching_sync.identity_hash(rows, identity) is not null then
            execute format(
                'insert into coaching_sync.erased_identities (kind, hash)
                 select distinct %L, hash from (select %s as hash from %s as r where %s) as found where hash is not null
                 on conflict do nothing',
                identity ->> 'kind', coaching_sync.identity_hash(rows, identity), rows, goes
            );
            get diagnostics counted = row_count;
            revealed := revealed + counted;
        end if;
    end loop;
    return revealed;
end
$function$;

-- A text with every erased address in it replaced, token by token: an address within a longer one is none. In JSON text an
-- escape such as \n may stand right before it.
create or replace function coaching_sync.without_erased(value text) returns text
language plpgsql stable
as $function$
declare
    part constant text := '[^][\s@<>(){},;:"=|/\\&?#]+';
    done text := '';
    rest text := value;
    escape_sequence text;
    token text;
    found text;
    candidate text;
begin
    if value is null or strpos(value, '@') = 0 then
        return value;
    end if;
    for escape_sequence, token in
        select coalesce(m[1], ''), m[2]
        from regexp_matches(value, format('(\\(?:u[0-9a-fA-F]{4}|.))?(%1$s@%1$s)', part), 'g') as matches (m)
    loop
        found := escape_sequence || token;
        done := done || left(rest, strpos(rest, found) - 1);
        rest := substr(rest, strpos(rest, found) + length(found));
        foreach candidate in array array[token, right(escape_sequence, 1) || token] loop
            candidate := btrim(candidate, $quotes$'.!*_`~“”‘’«»$quotes$);
            if exists (
                select from coaching_sync.erased_identities
                where kind = 'address' and hash = coaching_sync.erased_hash('address', candidate)
            ) then
                found := replace(found, candidate, '[erased]');
            end if;
        end loop;
        done := done || found;
    end loop;
    return done || rest;
end
$function$;

-- Takes erased values and addresses out of the rows that stay, and stamps these with the load id, where one is given.
create or replace function coaching_sync.redact_erased(rows regclass, identities jsonb, load_id text) returns bigint
language plpgsql
as $function$
declare
    assignments text;
    affected text;
    emptied text := coaching_sync.names_erased(rows, identities, true);
    counted bigint;
    redacted bigint := 0;
    stamp text := case when load_id is null then '' else format(', _dlt_load_id = %L', load_id) end;
begin
    if emptied <> 'false' then
        select string_agg(format('%I = null', attname), ', ') into assignments
        from jsonb_array_elements(identities) as listed (identity)
        cross join jsonb_array_elements_text(identity -> 'columns') as wanted (name)
        join pg_attribute on attrelid = rows and attnum > 0 and not attisdropped
            and (attname = name or starts_with(attname, name || '__v_'))
        where (identity ->> 'value_only')::boolean;
        execute format('update %s as r set %s%s where %s', rows, assignments, stamp, emptied);
        get diagnostics redacted = row_count;
    end if;

    if exists (select from coaching_sync.erased_identities where kind = 'address') then
        select
            string_agg(format('%1$I = nullif(coaching_sync.without_erased(r.%1$I::text), ''[erased]'')::%2$s',
                              attname, format_type(atttypid, null)), ', '),
            string_agg(format('(strpos(r.%1$I::text, ''@'') > 0 and coaching_sync.without_erased(r.%1$I::text) <> r.%1$I::text)',
                              attname), ' or ')
        into assignments, affected
        from pg_attribute
        where attrelid = rows and attnum > 0 and not attisdropped and not starts_with(attname, '_dlt_')
            and atttypid in ('text'::regtype, 'varchar'::regtype, 'json'::regtype, 'jsonb'::regtype);
        execute format('update %s as r set %s%s where %s', rows, assignments, stamp, affected);
        get diagnostics counted = row_count;
        redacted := redacted + counted;
    end if;
    return redacted;
end
$function$;

-- Keeps what was erased from coming back by rows that are about to be merged.
create or replace function coaching_sync.drop_erased(rows regclass, identities jsonb) returns void
language plpgsql
as $function$
begin
    while coaching_sync.reveal_erased(rows, identities) > 0 loop
    end loop;
    execute format('delete from %s as r where %s', rows, coaching_sync.names_erased(rows, identities, false));
    perform coaching_sync.redact_erased(rows, identities, null);
end
$function$;

-- replica/staging.sql
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

-- replica/last_syncs.sql
-- What the last sync did to each table of the replica and of the application, and what all of them did together.
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

create table if not exists coaching_sync.last_syncs (
    table_name text primary key,
    state text not null,
    rows_read bigint not null,
    rows_inserted bigint not null,
    rows_updated bigint not null,
    rows_unchanged bigint not null,
    rows_deleted bigint not null,
    rows_rejected bigint not null,
    seconds double precision not null,
    newest_source_time timestamptz,
    ended_at timestamptz not null default now(),
    syncs bigint not null default 1,
    failed_syncs bigint not null default 0,
    rows_synced bigint not null default 0
);

-- published/bookkeeping.sql
-- What publishing keeps for itself. None of it is in the application's schema.
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

-- Which loads of the replica each published table reflects. By load, not by "the newest so far": loads of several
-- machines need not become visible in the order of their ids.
create table if not exists coaching_sync.published_loads (
    published_table text not null,
    source_view text not null,
    load_id text not null,
    published_at timestamptz not null default now(),
    primary key (published_table, source_view, load_id)
);

-- By which rules and settings each table was published; where they change, everything is due once more.
create table if not exists coaching_sync.published_tables (
    published_table text primary key,
    fingerprint text not null,
    published_at timestamptz not null default now()
);

-- Source rows that cannot be published, until the source is mended.
create table if not exists coaching_sync.rejected_rows (
    published_table text not null,
    source_view text not null,
    aggregate_key text not null,
    key jsonb not null,
    reason text not null,
    source_row jsonb,
    first_seen timestamptz not null default now(),
    last_seen timestamptz not null default now(),
    primary key (published_table, key)
);

create index if not exists rejected_rows_by_aggregate on coaching_sync.rejected_rows (published_table, aggregate_key);

-- Rows that wait for a parent which is not published yet: no error, and published once it is.
create table if not exists coaching_sync.waiting_rows (
    published_table text not null,
    aggregate_key text not null,
    waits_for_table text not null,
    waits_for_key text not null,
    rows bigint not null default 1,
    since timestamptz not null default now(),
    primary key (published_table, aggregate_key, waits_for_table, waits_for_key)
);

-- Which existing speaker an earlier importer wrote for which speaker of the source, once they were matched.
create table if not exists coaching_sync.adopted_speakers (
    gong_call_id text not null,
    gong_speaker_id text not null,
    speaker_id uuid not null unique,
    adopted_at timestamptz not null default now(),
    primary key (gong_call_id, gong_speaker_id)
);

-- Links that this project inserted; the table itself does not tell them from the application's own.
create table if not exists coaching_sync.inserted_links (
    call_id uuid not null,
    opportunity_id uuid not null,
    primary key (call_id, opportunity_id)
);

-- Aggregates that are due although no load brought anything of theirs: the reconciliation asks for them. `vanished` where
-- their own source row is in the source no more, and what is published of them is to go.
create table if not exists coaching_sync.requested_aggregates (
    group_name text not null,
    key text not null,
    vanished boolean not null default false,
    requested_at timestamptz not null default now(),
    primary key (group_name, key)
);

-- What is odd about published rows, an aggregate a line: see integrity.py.
create table if not exists coaching_sync.findings (
    published_table text not null,
    finding text not null,
    aggregate_key text not null,
    rows bigint not null,
    primary key (published_table, finding, aggregate_key)
);

-- published/functions.sql
-- Lenient casts: a text that is no such value becomes null instead of an error. And small functions that the published
-- SQL shares. Where one of `language sql` is not strict, that is for speed: Postgres puts it in line only if its body is
-- strict too, which a `case` never is.

create or replace function coaching_sync.any_bigint(value text) returns bigint
language plpgsql immutable strict parallel safe
as $function$
begin
    if value ~ '^\s*[+-]?\d+(\.0*)?\s*$' then
        return split_part(btrim(value), '.', 1)::bigint;
    end if;
    return null;
exception when numeric_value_out_of_range then
    return null;
end
$function$;

-- The usual case without a block that catches exceptions, which is a transaction of its own.
create or replace function coaching_sync.try_bigint(value text) returns bigint
language sql immutable parallel safe
as $function$
    select case when length(value) < 19 and value ~ '^[0-9]+$' then value::bigint else coaching_sync.any_bigint(value) end
$function$;

create or replace function coaching_sync.try_numeric(value text) returns numeric
language plpgsql immutable strict parallel safe
as $function$
begin
    if value ~ '^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?\s*$' then
        return value::numeric;
    end if;
    return null;
exception when numeric_value_out_of_range then
    return null;
end
$function$;

create or replace function coaching_sync.try_boolean(value text) returns boolean
language sql immutable parallel safe
as $function$
    select case lower(btrim(value)) when 'true' then true when 't' then true when '1' then true
                                    when 'false' then false when 'f' then false when '0' then false end
$function$;

-- RFC 3339, without an offset: UTC. Needs the session's time zone to be UTC.
create or replace function coaching_sync.try_timestamptz(value text) returns timestamptz
language plpgsql stable strict parallel safe
as $function$
begin
    if value ~* '^\s*\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|UTC|[+-]\d{2}(:?\d{2})?)?\s*$' then
        return value::timestamptz;
    end if;
    return null;
exception when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
    return null;
end
$function$;

create or replace function coaching_sync.try_date(value text) returns date
language plpgsql stable strict parallel safe
as $function$
begin
    if value ~ '^\s*\d{4}-\d{2}-\d{2}\s*$' then
        return value::date;
    end if;
    return (coaching_sync.try_timestamptz(value) at time zone 'UTC')::date;
exception when datetime_field_overflow or invalid_datetime_format then
    return null;
end
$function$;

-- U+0000, which jsonb cannot hold, becomes U+FFFD.
create or replace function coaching_sync.try_jsonb(value text) returns jsonb
language plpgsql immutable strict parallel safe
as $function$
begin
    return value::jsonb;
exception when untranslatable_character then
    return regexp_replace(value, '(?<!\\)((\\\\)*)\\u0000', '\1\\ufffd', 'g')::jsonb;
when others then
    return null;
end
$function$;

-- A JSON value as a number: as it is, or leniently from its text.
create or replace function coaching_sync.json_number(value jsonb) returns numeric
language sql immutable parallel safe
as $function$
    select case when jsonb_typeof(value) = 'number' then value::numeric else coaching_sync.try_numeric(value #>> '{}') end
$function$;

-- A JSON string as the text that it holds, anything else as JSON text.
create or replace function coaching_sync.json_as_text(value json) returns text
language sql immutable strict parallel safe
as $function$
    select case json_typeof(value) when 'string' then coaching_sync.try_jsonb(value::text) #>> '{}'
                                   when 'null' then null else value::text end
$function$;

create or replace function coaching_sync.json_time(value timestamptz) returns text
language sql stable strict parallel safe
as $function$
    select to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || case when extract(microseconds from value)::bigint % 1000000 = 0 then ''
                else to_char(value at time zone 'UTC', '.US') end || 'Z'
$function$;

-- A trimmed text, or null where nothing is left.
create or replace function coaching_sync.filled(value text) returns text
language sql immutable parallel safe
as $function$
    select nullif(regexp_replace(value, '^\s+|\s+$', '', 'g'), '')
$function$;

-- brian.r@x.com -> Brian R. Cut at every ASCII character that is no letter or digit, whatever the database's locale.
create or replace function coaching_sync.name_from_address(address text) returns text
language sql immutable parallel safe
as $function$
    select string_agg(upper(left(part, 1)) || lower(substr(part, 2)), ' ' order by place)
    from regexp_split_to_table(split_part(address, '@', 1), '[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e\s]+') with ordinality as parts (part, place)
    where part <> ''
$function$;

create or replace function coaching_sync.is_address(value text) returns boolean
language sql immutable parallel safe
as $function$
    select value ~ '^[^@\s]+@[^@\s]+$'
$function$;

-- The id of a row that this project inserts: a UUID of version 8 from the natural key, the same after every rebuild.
create or replace function coaching_sync.derived_id(published_table text, natural_key text) returns uuid
language sql immutable strict parallel safe
as $function$
    select overlay(overlay(md5(published_table || ':' || natural_key) placing '8' from 13) placing '8' from 17)::uuid
$function$;

create or replace function coaching_sync.is_derived(id uuid) returns boolean
language sql immutable strict parallel safe
as $function$
    select substr(id::text, 15, 1) = '8'
$function$;

-- The keys of an object whose value says nothing: null, an empty list, an empty object.
create or replace function coaching_sync.without_empty(value jsonb) returns jsonb
language sql immutable strict parallel safe
as $function$
    select coalesce(jsonb_object_agg(key, item) filter (where item not in ('null', '[]', '{}')), '{}')
    from jsonb_each(value) as entries (key, item)
$function$;

-- A whole number of 32 bits, rounded half away from zero, or null.
create or replace function coaching_sync.whole(value numeric) returns integer
language sql immutable parallel safe
as $function$
    select case when round(value) between -2147483648 and 2147483647 then round(value)::integer end
$function$;

-- Whether the application's full-text search can hold a text. A tsvector has room for a megabyte of words and their places;
-- what is much shorter needs no look.
create or replace function coaching_sync.can_be_searched(value text) returns boolean
language plpgsql immutable strict parallel safe
as $function$
begin
    if octet_length(value) > 250000 then
        perform to_tsvector('simple'::regconfig, value);
    end if;
    return true;
exception when program_limit_exceeded then
    return false;
end
$function$;
