-- breaking: no
-- The merge of a staging table into its replica table. dlt's own merge neither indexes the key nor accepts a key that was
-- staged twice. merge_table is the entry; its options are:
--   target, staging   qualified and quoted names of two tables of dlt's, with the same columns
--   key               columns of the key; they may be null, and two nulls are equal
--   lookups           further columns to index
--   needed            columns that publishing rejects a row without
--   delivered         columns that the source delivers; only these are compared and written. Null or empty: all
--   identities        columns by which a row names something erased, as in 0002_erasure.sql
--   rows_staged       rows that were copied into the staging table
--   lock              key and server process of the lock on loading, as for require_load_lock; null: do not check it
--   program           version of the program; null if unknown
--   deletion_time     whether a deletion that is delivered again counts as a change, since its time is published

-- `d` is the replica's row, `s` the staged one. A column whose type changed has its newer values in a second column,
-- `<column>__v_<type>`, which is delivered whenever the column is. Fivetran's own columns always count as delivered: their
-- absence means that history mode was switched off. json has no equality, but its text has.
create or replace function coaching_sync.merge_columns(options jsonb) returns jsonb
language sql stable
as $function$
    with delivered as (
        select array_agg(split_part(name, '__v_', 1))
            || array['_fivetran_deleted', '_fivetran_active', '_fivetran_start', '_fivetran_end'] as columns
        from jsonb_array_elements_text(coalesce(nullif(options -> 'delivered', 'null'), '[]')) as listed (name)
        having count(*) > 0
    ),
    shared as (
        select s.attname as name, s.attnum as place, s.atttypid as type,
            case when s.atttypid = 'json'::regtype then 'd.%1$I::text is distinct from s.%1$I::text'
                 else 'd.%1$I is distinct from s.%1$I' end as difference,
            s.attname not in ('_dlt_load_id', '_fivetran_synced') and not options -> 'key' ? s.attname as is_content,
            delivered.columns is null or split_part(s.attname, '__v_', 1) = any (delivered.columns) as is_delivered
        from pg_attribute as s
        join pg_attribute as d on d.attrelid = (options ->> 'target')::regclass and d.attname = s.attname and not d.attisdropped
        left join delivered on true
        where s.attrelid = (options ->> 'staging')::regclass and s.attnum > 0 and not s.attisdropped
    )
    select jsonb_build_object(
        'columns', string_agg(format('%I', name), ', ' order by place),
        'assignments', string_agg(format('%1$I = s.%1$I', name), ', ' order by place)
            filter (where is_delivered or name = '_dlt_load_id'),
        'differs', concat_ws(' or ',
            string_agg(format(difference, name), ' or ' order by place) filter (where is_content and is_delivered),
            format('(d._fivetran_synced is distinct from s._fivetran_synced and (%s))', case
                when options -> 'key' ? '_fivetran_start' then 'true'
                else coalesce(string_agg(format('s.%I', name), ' or ') filter (
                    where (options ->> 'deletion_time')::boolean and name in ('_fivetran_deleted', 'is_deleted')
                        and type = 'boolean'::regtype), 'false')
            end)
        )
    )
    from shared
$function$;

comment on function coaching_sync.merge_columns(jsonb) is
    'Column list, assignments and condition of a merge, in SQL. A row that differs only in _fivetran_synced counts as unchanged, except for versions in history mode and dated deletions.';

create or replace function coaching_sync.merge_plan(options jsonb) returns jsonb
language sql stable
as $function$
    select options || coaching_sync.merge_columns(options) || jsonb_build_object(
        'key_list', string_agg(format('%I', k), ', '),
        'same_key', string_agg(format('d.%1$I = s.%1$I', k), ' and '),
        'same_key_or_null', string_agg(format('d.%1$I is not distinct from s.%1$I', k), ' and '),
        'key_has_null', string_agg(format('s.%I is null', k), ' or ')
    )
    from jsonb_array_elements_text(options -> 'key') as listed (k)
$function$;

comment on function coaching_sync.merge_plan(jsonb) is
    'Options of a merge, with the SQL fragments that its steps consist of.';

create or replace function coaching_sync.text_array(list jsonb) returns text[]
language sql immutable
as $function$
    select array(select jsonb_array_elements_text(list))
$function$;

comment on function coaching_sync.text_array(jsonb) is
    'JSON array of strings as text[].';

create or replace function coaching_sync.looked_up(plan jsonb) returns text[]
language sql immutable
as $function$
    select coaching_sync.text_array(plan -> 'lookups') || array['_dlt_load_id', '_fivetran_synced']
$function$;

comment on function coaching_sync.looked_up(jsonb) is
    'Columns that publishing and the next sync look rows up by.';

create or replace function coaching_sync.needed(plan jsonb) returns text[]
language sql immutable
as $function$
    select coaching_sync.text_array(coalesce(nullif(plan -> 'needed', 'null'), '[]'))
$function$;

comment on function coaching_sync.needed(jsonb) is
    'Columns that publishing rejects a row without.';

create or replace function coaching_sync.count_staged(
    plan jsonb, out rows_read bigint, out newest timestamptz, out load_id text
)
language plpgsql
as $function$
begin
    execute format('select count(*), max(_fivetran_synced), max(_dlt_load_id) from %s', plan ->> 'staging')
        into rows_read, newest, load_id;
    if rows_read < (plan ->> 'rows_staged')::bigint then
        raise exception using errcode = 'CS001', message = format(
            '%s of %s rows are left in the staging table %s', rows_read, plan ->> 'rows_staged', plan ->> 'staging'
        );
    end if;
end
$function$;

comment on function coaching_sync.count_staged(jsonb) is
    'Rows, newest source time and load id in a staging table. Raises CS001 if a crash of Postgres lost staged rows.';

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

comment on function coaching_sync.drop_older_duplicates(regclass, text) is
    'Delete duplicates of a key. The row that Fivetran processed last remains.';

-- On: rows from before, without a start, give way to the versions of the same key. Off: the newest version remains.
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

comment on function coaching_sync.follow_history_mode(regclass, regclass, text[]) is
    'Change the key of a replica table after history mode was switched on or off at the source.';

create or replace function coaching_sync.copy_staged(plan jsonb) returns bigint
language plpgsql
as $function$
declare
    target constant regclass := plan ->> 'target';
    inserted bigint;
begin
    execute (
        select format('drop index if exists %I.%I', nspname, relname || '_key')
        from pg_class join pg_namespace on pg_namespace.oid = relnamespace where pg_class.oid = target
    );
    execute format('insert into %s (%s) select %2$s from %s', target, plan ->> 'columns', plan ->> 'staging');
    get diagnostics inserted = row_count;
    perform coaching_sync.index_replica(target, coaching_sync.text_array(plan -> 'key'), '{}');
    return inserted;
end
$function$;

comment on function coaching_sync.copy_staged(jsonb) is
    'Copy all staged rows into an empty replica table, then index its key.';

create or replace function coaching_sync.copy_first_load(plan jsonb, rows_read bigint) returns bigint
language plpgsql
as $function$
declare
    target constant regclass := plan ->> 'target';
    staging constant regclass := plan ->> 'staging';
    key_columns constant text[] := coaching_sync.text_array(plan -> 'key');
    inserted bigint;
begin
    -- an index on the staging table would contain the rows that were just rejected, too
    if not exists (select from coaching_sync.erased_identities)
        and not plan ? 'has_rejected'
        and coaching_sync.swap_in(target, staging, key_columns, coaching_sync.looked_up(plan), coaching_sync.needed(plan))
    then
        return rows_read;
    end if;
    begin
        inserted := coaching_sync.copy_staged(plan);
    exception when unique_violation then
        perform coaching_sync.drop_older_duplicates(staging, plan ->> 'key_list');
        inserted := coaching_sync.copy_staged(plan);
    end;
    perform coaching_sync.index_replica(target, key_columns, coaching_sync.looked_up(plan));
    execute format('analyze %s', target);
    if coaching_sync.lock_at_once(staging) then
        execute format('truncate %s', staging);
        execute format('alter table %s set unlogged', staging);
    end if;
    return inserted;
end
$function$;

comment on function coaching_sync.copy_first_load(jsonb, bigint) is
    'Fill an empty replica table, by swapping in its staging table if possible. Returns the rows inserted.';

create or replace function coaching_sync.update_changed(plan jsonb) returns bigint
language plpgsql
as $function$
declare
    updated bigint;
begin
    execute format('update %s as d set %s from %s as s where %s and (%s)', plan ->> 'target', plan ->> 'assignments',
                   plan ->> 'staging', plan ->> 'same_key', plan ->> 'differs');
    get diagnostics updated = row_count;
    return updated;
end
$function$;

comment on function coaching_sync.update_changed(jsonb) is
    'Update the rows that differ from their staged row. Returns how many.';

-- The next sync reads from the newest _fivetran_synced on. One row with that stamp is enough: a re-import of everything
-- then writes one row, and makes nothing pending.
create or replace function coaching_sync.move_newest_stamp(plan jsonb, newest timestamptz, condition text) returns void
language plpgsql
as $function$
begin
    execute format(
        'update %s as d set _fivetran_synced = s._fivetran_synced
         from (select * from %s where _fivetran_synced = $1 limit 1) as s
         where %s and d._fivetran_synced is distinct from s._fivetran_synced',
        plan ->> 'target', plan ->> 'staging', condition
    ) using newest;
end
$function$;

comment on function coaching_sync.move_newest_stamp(jsonb, timestamptz, text) is
    'Give the newest _fivetran_synced of the staged rows to one row of the replica table.';

create or replace function coaching_sync.update_null_keys(plan jsonb) returns bigint
language plpgsql
as $function$
declare
    updated bigint;
begin
    execute format('update %s as d set %s from %s as s where (%s) and %s and (%s)', plan ->> 'target', plan ->> 'assignments',
                   plan ->> 'staging', plan ->> 'key_has_null', plan ->> 'same_key_or_null', plan ->> 'differs');
    get diagnostics updated = row_count;
    execute format('delete from %s as s using %s as d where (%s) and %s', plan ->> 'staging', plan ->> 'target',
                   plan ->> 'key_has_null', plan ->> 'same_key_or_null');
    return updated;
end
$function$;

comment on function coaching_sync.update_null_keys(jsonb) is
    'Update changed rows whose key contains nulls, and delete their staged rows. Returns the rows updated.';

create or replace function coaching_sync.insert_new(plan jsonb) returns bigint
language plpgsql
as $function$
declare
    inserted bigint;
begin
    execute format('insert into %s (%s) select %2$s from %s as s where not exists (select from %1$s as d where %4$s)',
                   plan ->> 'target', plan ->> 'columns', plan ->> 'staging', plan ->> 'same_key');
    get diagnostics inserted = row_count;
    return inserted;
end
$function$;

comment on function coaching_sync.insert_new(jsonb) is
    'Insert the staged rows whose key the replica table lacks. Returns how many.';

create or replace function coaching_sync.merge_changes(
    plan jsonb, newest timestamptz, out inserted bigint, out updated bigint
)
language plpgsql
as $function$
declare
    target constant regclass := plan ->> 'target';
    staging constant regclass := plan ->> 'staging';
    key_columns constant text[] := coaching_sync.text_array(plan -> 'key');
    has_duplicates boolean;
    has_null_keys boolean;
begin
    execute format('analyze %s', staging);
    perform coaching_sync.follow_history_mode(target, staging, key_columns);
    perform coaching_sync.index_replica(target, key_columns, '{}');
    execute format('select exists (select from %s group by %s having count(*) > 1)', staging, plan ->> 'key_list')
        into has_duplicates;
    if has_duplicates then
        perform coaching_sync.drop_older_duplicates(staging, plan ->> 'key_list');
    end if;
    updated := coaching_sync.update_changed(plan);
    execute format('select exists (select from %s as s where %s)', staging, plan ->> 'key_has_null') into has_null_keys;
    perform coaching_sync.move_newest_stamp(
        plan, newest, plan ->> case when has_null_keys then 'same_key_or_null' else 'same_key' end
    );
    if has_null_keys then
        updated := updated + coaching_sync.update_null_keys(plan);
    end if;
    inserted := coaching_sync.insert_new(plan);
    perform coaching_sync.index_replica(target, key_columns, coaching_sync.looked_up(plan));
end
$function$;

comment on function coaching_sync.merge_changes(jsonb, timestamptz) is
    'Merge staged rows into a replica table that has rows. Writes only rows that differ.';

create or replace function coaching_sync.record_load(
    target_schema text, target_name text, load_id text, rows_read bigint, inserted bigint, updated bigint, newest timestamptz
) returns void
language sql
as $function$
    insert into coaching_sync.replica_loads
        (table_schema, table_name, load_id, rows_read, rows_inserted, rows_updated, newest_source_time, behind_since)
    values (
        target_schema, target_name, load_id, rows_read, inserted, updated, newest,
        (select behind_since from coaching_sync.source_changes as recorded
         where (recorded.table_schema, recorded.table_name) = (target_schema, target_name))
    )
    on conflict (table_schema, table_name, load_id) do update set transaction_id = excluded.transaction_id
$function$;

comment on function coaching_sync.record_load(text, text, text, bigint, bigint, bigint, timestamptz) is
    'Record the row counts of a load.';

create or replace function coaching_sync.merge_rows(
    plan jsonb, rows_staged bigint, newest timestamptz, out inserted bigint, out updated bigint
)
language plpgsql
as $function$
declare
    has_rows boolean;
begin
    inserted := 0;
    updated := 0;
    execute format('select exists (select from %s)', plan ->> 'target') into has_rows;
    if rows_staged = 0 then
        perform coaching_sync.index_replica(
            (plan ->> 'target')::regclass, coaching_sync.text_array(plan -> 'key'), coaching_sync.looked_up(plan)
        );
    elsif has_rows then
        select * into inserted, updated from coaching_sync.merge_changes(plan, newest);
    else
        inserted := coaching_sync.copy_first_load(plan, rows_staged);
    end if;
end
$function$;

comment on function coaching_sync.merge_rows(jsonb, bigint, timestamptz) is
    'Merge all staged rows. Returns the rows inserted and updated.';

-- Only errors that a row can cause are handled. If no row is unfit by itself, the error is raised.
create or replace function coaching_sync.merge_fit_rows(
    plan jsonb, rows_staged bigint, newest timestamptz, out inserted bigint, out updated bigint
)
language plpgsql
as $function$
declare
    fitting record;
    had_rejected constant boolean := coaching_sync.find_repaired(plan);
begin
    begin
        select * into inserted, updated from coaching_sync.merge_rows(plan, rows_staged, newest);
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
        if coaching_sync.reject_unfit(plan) = 0 then
            raise;
        end if;
        execute format('select count(*) as number, max(_fivetran_synced) as newest from %s', plan ->> 'staging') into fitting;
        select * into inserted, updated from coaching_sync.merge_rows(
            plan || '{"has_rejected": true}', fitting.number, fitting.newest
        );
    end;
    if had_rejected then
        perform coaching_sync.forget_repaired(plan);
    end if;
end
$function$;

comment on function coaching_sync.merge_fit_rows(jsonb, bigint, timestamptz) is
    'Merge the staged rows that fit the replica table, and reject the others. Returns the rows inserted and updated.';

create or replace function coaching_sync.merge_table(options jsonb) returns void
language plpgsql
as $function$
declare
    -- read before the merge, which may replace the table
    target_name constant name := (select relname from pg_class where oid = (options ->> 'target')::regclass);
    target_schema constant name := (
        select nspname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where pg_class.oid = (options ->> 'target')::regclass
    );
    plan constant jsonb :=
        coaching_sync.merge_plan(options || jsonb_build_object('name', target_schema || '.' || target_name));
    staged record;
    rejected record;
    records_stamps boolean;
    merged record;
begin
    if plan -> 'lock' ->> 'key' is not null then
        perform coaching_sync.require_load_lock(plan -> 'lock' ->> 'key', (plan -> 'lock' ->> 'process')::integer);
    end if;
    staged := coaching_sync.count_staged(plan);
    perform coaching_sync.find_refused(plan);
    records_stamps := staged.newest is not null and coaching_sync.records_stamps(
        target_schema, target_name, staged.rows_read
    );
    if records_stamps then
        perform coaching_sync.record_stamps(plan, target_schema, target_name, staged.newest);
    end if;
    if exists (select from coaching_sync.erased_identities) then
        perform coaching_sync.drop_erased_rows((plan ->> 'staging')::regclass, plan -> 'identities');
    end if;
    rejected := coaching_sync.reject_refused(plan);
    merged := coaching_sync.merge_fit_rows(plan, staged.rows_read - rejected.outdated, staged.newest);
    perform coaching_sync.index_incomplete(
        format('%I.%I', target_schema, target_name)::regclass, coaching_sync.needed(plan)
    );
    perform coaching_sync.record_terms(plan, format('%I.%I', target_schema, target_name)::regclass);
    if records_stamps then
        perform coaching_sync.record_read_table(target_schema, target_name, staged.newest);
    end if;
    if coalesce(staged.load_id, rejected.load_id) is not null then
        perform coaching_sync.record_load(
            target_schema, target_name, coalesce(staged.load_id, rejected.load_id), staged.rows_read + rejected.refused,
            merged.inserted, merged.updated, staged.newest
        );
    end if;
end
$function$;

comment on function coaching_sync.merge_table(jsonb) is
    'Make a replica table reflect every row of its staging table, writing only rows that differ. The file 0004_merge.sql lists the options.';
