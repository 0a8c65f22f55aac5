-- breaking: no
-- Rows that Postgres refuses to copy into a staging table, for example because of an invalid value. The copy leaves them out and
-- writes them to refused_rows; the merge moves them to rejected_rows. `plan` is the one of 0008_unfit_rows.sql.

create table if not exists coaching_sync.refused_rows (
    id bigint generated always as identity primary key,
    staging_schema text not null,
    staging_table text not null,
    load_id text,
    source_row text not null,
    refused_column text,
    reason text not null,
    sqlstate text,
    constraint_name text
);
comment on table coaching_sync.refused_rows is
    'Rows that were refused by a copy into a staging table and are not merged yet.';
comment on column coaching_sync.refused_rows.source_row is
    'Values of the row, as a JSON object of texts.';
comment on column coaching_sync.refused_rows.refused_column is
    'Column of the refused value. Null if the row as a whole does not fit.';

create index if not exists refused_rows_by_table on coaching_sync.refused_rows (staging_schema, staging_table);

-- Asked first: the lock of "alter table" conflicts with every reader.
do $$
begin
    if (select count(*) < 2 from pg_attribute
        where attrelid = 'coaching_sync.rejected_rows'::regclass and attname in ('load_id', 'rejected_under') and not attisdropped)
    then
        alter table coaching_sync.rejected_rows add column if not exists load_id text;
        alter table coaching_sync.rejected_rows add column if not exists rejected_under text;
    end if;
end
$$;

comment on column coaching_sync.rejected_rows.load_id is
    'Load of the replica whose copy refused the row. source_row then lacks the refused value. Null for other rows.';
comment on column coaching_sync.rejected_rows.rejected_under is
    'Hash of the terms under which the replica rejected the row. If they change, the next sync reads the row again.';

-- Definitions are written as the settings of a session say, so these are the same in each.
create or replace function coaching_sync.rejection_terms(rows regclass, program_version text) returns text
language sql stable
set search_path = pg_catalog set timezone = 'UTC' set datestyle = 'ISO'
as $function$
    select md5(concat_ws(e'\n',
        program_version,
        current_setting('server_version_num'),
        (select string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull), ',' order by attname)
         from pg_attribute where attrelid = rows and attnum > 0 and not attisdropped),
        (select string_agg(definition, ',' order by definition)
         from (select pg_get_indexdef(indexrelid) as definition from pg_index where indrelid = rows) as indexes),
        (select string_agg(definition, ',' order by definition)
         from (select pg_get_constraintdef(oid) as definition from pg_constraint where conrelid = rows) as constraints),
        (select string_agg(definition, ',' order by definition)
         from (select concat(tgenabled, pg_get_triggerdef(oid)) as definition from pg_trigger
               where tgrelid = rows and not tgisinternal) as triggers)
    ))
$function$;

comment on function coaching_sync.rejection_terms(regclass, text) is
    'Hash of everything that decides whether a replica table takes a row: versions, columns, indexes, constraints and triggers.';

-- A subquery of its own is computed once, and only if the table has rejected rows.
create or replace function coaching_sync.record_terms(plan jsonb, target regclass) returns void
language sql
as $function$
    update coaching_sync.rejected_rows
    set rejected_under = (select coaching_sync.rejection_terms(target, plan ->> 'program'))
    where published_table = plan ->> 'name'
        and rejected_under is distinct from (select coaching_sync.rejection_terms(target, plan ->> 'program'))
$function$;

comment on function coaching_sync.record_terms(jsonb, regclass) is
    'Record the terms under which a replica table''s rows are rejected now. Each load reads the rows that were rejected under others.';

create or replace function coaching_sync.forget_refused(staging regclass) returns void
language sql
as $function$
    delete from coaching_sync.refused_rows
    using pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where pg_class.oid = staging and (staging_schema, staging_table) = (nspname, relname)
$function$;

comment on function coaching_sync.forget_refused(regclass) is
    'Delete the refused rows of a staging table, which is emptied or was merged.';

-- One value per subtransaction costs a few microseconds. Copying until the next error costs a thousand times as much per error.
create or replace function coaching_sync.refused_values(staging regclass, column_name text)
returns table (place bigint, message text, state text)
language plpgsql
as $function$
declare
    is_json constant boolean := (
        select atttypid = any ('{json,jsonb}'::regtype[]) from pg_attribute where attrelid = staging and attname = column_name
    );
    checked record;
    checked_text text;
begin
    for checked in select value.place, value.bytes from pg_temp.checked_value as value loop
        begin
            checked_text := convert_from(checked.bytes, 'UTF8');
            if is_json then
                perform checked_text::json;
            end if;
        exception when data_exception or program_limit_exceeded then
            place := checked.place;
            get stacked diagnostics message = message_text, state = returned_sqlstate;
            return next;
        end;
    end loop;
end
$function$;

comment on function coaching_sync.refused_values(regclass, text) is
    'Values in the temporary table checked_value that a text or JSON column refuses: their places, and Postgres''s message.';

create or replace function coaching_sync.casts_from_text(rows regclass, texts text) returns text
language sql stable
as $function$
    select string_agg(
        format('(%s ->> %L)::%s as %I', texts, attname, format_type(atttypid, atttypmod), attname), ', ' order by attnum
    )
    from pg_attribute where attrelid = rows and attnum > 0 and not attisdropped
$function$;

comment on function coaching_sync.casts_from_text(regclass, text) is
    'Select list that reads a row of a table from a JSON object of texts, given as an expression.';

create or replace function coaching_sync.readable_row(rows regclass, casts text, texts jsonb) returns jsonb
language plpgsql
as $function$
declare
    readable jsonb;
    named record;
    value jsonb;
begin
    begin
        execute format('select to_jsonb(s) from (select %s) as s', casts) into readable using texts;
        return readable;
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
        readable := '{}';
    end;
    for named in
        select attname as name, format_type(atttypid, atttypmod) as type
        from pg_attribute where attrelid = rows and attnum > 0 and not attisdropped
    loop
        begin
            execute format('select to_jsonb(($1 ->> %L)::%s)', named.name, named.type) into value using texts;
            readable := readable || jsonb_build_object(named.name, value);
        exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
            readable := readable || jsonb_build_object(named.name, null);
        end;
    end loop;
    return readable;
end
$function$;

comment on function coaching_sync.readable_row(regclass, text, jsonb) is
    'JSON object of a table''s row, from its texts. Values that the column''s type does not take are null.';

-- A refused value of the key is not in the row, but in the key, as text.
create or replace function coaching_sync.create_refused(plan jsonb, staging regclass, readable text) returns void
language plpgsql
as $function$
begin
    execute format(
        $query$
        create temp table refused_row on commit drop as
        select refused.id, key, readable, s._fivetran_synced as synced, reason, sqlstate, constraint_name, load_id
        from coaching_sync.refused_rows as refused
        join pg_class on pg_class.oid = %1$L::regclass and relname = staging_table
        join pg_namespace on pg_namespace.oid = relnamespace and nspname = staging_schema
        cross join lateral (select source_row::jsonb as texts) as parsed
        cross join lateral (select texts - coalesce(refused_column, '') as fitting offset 0) as accepted
        cross join lateral (select %2$s as readable offset 0) as typed
        cross join lateral jsonb_populate_record(null::%1$s, readable) as s
        cross join lateral (
            select %3$s || coalesce((
                select jsonb_object_agg(k, coaching_sync.shortened(texts ->> k))
                from jsonb_array_elements_text(%4$L) as listed (k) where readable ->> k is null and texts ->> k is not null
            ), '{}') as key
        ) as keyed
        $query$,
        staging, readable, coaching_sync.rejected_key(plan), plan -> 'key'
    );
    analyze pg_temp.refused_row;
end
$function$;

comment on function coaching_sync.create_refused(jsonb, regclass, text) is
    'Create the temporary table refused_row with the refused rows of a staging table. The text is the SQL expression of a row as JSON, from its texts.';

create or replace function coaching_sync.find_refused(plan jsonb) returns boolean
language plpgsql
as $function$
declare
    staging constant regclass := plan ->> 'staging';
begin
    if not exists (
        select from coaching_sync.refused_rows
        join pg_namespace on nspname = staging_schema
        join pg_class on relnamespace = pg_namespace.oid and relname = staging_table
        where pg_class.oid = staging
    ) then
        return false;
    end if;
    begin
        perform coaching_sync.create_refused(plan, staging, format(
            '(select to_jsonb(typed_row) from (select %s) as typed_row)', coaching_sync.casts_from_text(staging, 'fitting')
        ));
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
        perform coaching_sync.create_refused(plan, staging, format(
            'coaching_sync.readable_row(%L, %L, fitting)', staging, coaching_sync.casts_from_text(staging, '$1')
        ));
    end;
    return true;
end
$function$;

comment on function coaching_sync.find_refused(jsonb) is
    'Create the temporary table refused_row if rows of a staging table were refused. Returns whether there are any.';

create or replace function coaching_sync.refused_digests(plan jsonb, since timestamptz)
returns table (second bigint, row_count bigint, digest numeric)
language plpgsql stable
as $function$
begin
    if to_regclass('pg_temp.refused_row') is null then
        return;
    end if;
    return query execute format(
        'select floor(extract(epoch from synced))::bigint, count(*), sum(hash_record_extended(row(%s, s._fivetran_synced), 0))
         from pg_temp.refused_row, jsonb_populate_record(null::%s, readable) as s where synced >= $1 group by 1',
        (select string_agg(format('s.%I', k), ', ') from jsonb_array_elements_text(plan -> 'key') as listed (k)),
        plan ->> 'staging'
    ) using since;
end
$function$;

comment on function coaching_sync.refused_digests(jsonb, timestamptz) is
    'The result of stamp_digests for the refused rows, which are not in the staging table.';

create or replace function coaching_sync.drop_erased_refused(plan jsonb, staging regclass) returns void
language plpgsql
as $function$
begin
    execute format(
        'delete from pg_temp.refused_row
         where exists (select from jsonb_populate_record(null::%s, readable) as r where (%s) or (%s))',
        staging,
        coaching_sync.erased_condition(staging, plan -> 'identities', false),
        coaching_sync.erased_condition(staging, plan -> 'identities', true)
    );
end
$function$;

comment on function coaching_sync.drop_erased_refused(jsonb, regclass) is
    'Delete refused rows that name something erased.';

-- The first column of the key is compared first, because the whole key takes long to compute. Long values are shortened in it.
create or replace function coaching_sync.drop_older_refused(plan jsonb, staging regclass, out outdated bigint)
language plpgsql
as $function$
begin
    delete from pg_temp.refused_row as older
    using pg_temp.refused_row as newer
    where newer.key = older.key
        and (coalesce(newer.synced, '-infinity'), newer.id) > (coalesce(older.synced, '-infinity'), older.id);
    execute format(
        'create temp table fitting_row on commit drop as
         select s.ctid as at, s._fivetran_synced as synced, refused.key
         from %1$s as s join pg_temp.refused_row as refused on refused.key = %2$s
         where s.%3$I is null or octet_length(s.%3$I::text) > 400
             or s.%3$I::text in (select refused_row.key ->> %3$L from pg_temp.refused_row)',
        staging, coaching_sync.rejected_key(plan), plan -> 'key' ->> 0
    );
    delete from pg_temp.refused_row as refused
    using pg_temp.fitting_row as fitting
    where fitting.key = refused.key and coalesce(fitting.synced >= refused.synced, refused.synced is null);
    execute format(
        'delete from %s where ctid = any (array(
             select at from pg_temp.fitting_row where key in (select key from pg_temp.refused_row)
         ))',
        staging
    );
    get diagnostics outdated = row_count;
    drop table pg_temp.fitting_row;
end
$function$;

comment on function coaching_sync.drop_older_refused(jsonb, regclass) is
    'Keep the version of each refused key that Fivetran processed last, among the refused and the staged rows. Returns how many staged rows are deleted.';

create or replace function coaching_sync.reject_refused(
    plan jsonb, out refused bigint, out outdated bigint, out load_id text
)
language plpgsql
as $function$
#variable_conflict use_column
declare
    staging constant regclass := plan ->> 'staging';
begin
    refused := 0;
    outdated := 0;
    if to_regclass('pg_temp.refused_row') is null then
        return;
    end if;
    select count(*), max(found.load_id) into refused, load_id from pg_temp.refused_row as found;
    if exists (select from coaching_sync.erased_identities) then
        perform coaching_sync.drop_erased_refused(plan, staging);
    end if;
    outdated := coaching_sync.drop_older_refused(plan, staging);
    insert into coaching_sync.rejected_rows
        (published_table, source_view, aggregate_key, key, reason, source_row, sqlstate, constraint_name, load_id)
    select plan ->> 'name', plan ->> 'name', '', key, 'Postgres rejects the row: ' || reason, readable, sqlstate,
        constraint_name, load_id
    from pg_temp.refused_row
    on conflict (published_table, key) do update
    set reason = excluded.reason, source_row = excluded.source_row, sqlstate = excluded.sqlstate,
        constraint_name = excluded.constraint_name, load_id = excluded.load_id, last_seen = now();
    perform coaching_sync.forget_refused(staging);
    drop table pg_temp.refused_row;
end
$function$;

comment on function coaching_sync.reject_refused(jsonb) is
    'Move the rows that the copy refused to rejected_rows. Returns how many were refused, how many staged rows are older than one of them, and the load.';
