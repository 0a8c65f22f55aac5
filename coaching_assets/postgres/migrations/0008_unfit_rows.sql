-- breaking: no
-- Rows that Postgres rejects during a merge, for example because a value is too long for an index. They go to rejected_rows, and
-- the others are merged. `plan` is the one of 0004_merge.sql, with the replica table's name as `schema.table` in `name`.

-- The primary key of rejected_rows is an index, too, so a key must be short.
create or replace function coaching_sync.shortened(value text) returns text
language sql immutable parallel safe
as $function$
    select case when octet_length(value) > 400
                then left(value, 60) || format('… (%s bytes, md5 %s)', octet_length(value), md5(value)) else value end
$function$;

comment on function coaching_sync.shortened(text) is
    'Text that fits an index: a long one becomes its beginning, its length and its hash.';

create or replace function coaching_sync.rejected_key(plan jsonb) returns text
language sql immutable
as $function$
    select format('jsonb_build_object(%s)', string_agg(format('%L, coaching_sync.shortened(s.%I::text)', k, k), ', '))
    from jsonb_array_elements_text(plan -> 'key') as listed (k)
$function$;

comment on function coaching_sync.rejected_key(jsonb) is
    'SQL expression of the key in rejected_rows of a staged row s.';

-- Without the unique indexes of the replica table: another key may be valid now, and duplicates are handled elsewhere.
create or replace function coaching_sync.create_probe(plan jsonb) returns regclass
language plpgsql
as $function$
declare
    unique_index record;
    probe regclass;
begin
    execute format('create temp table unfit_probe (like %s including all) on commit drop', plan ->> 'target');
    probe := 'pg_temp.unfit_probe'::regclass;
    for unique_index in
        select indexrelid::regclass as name, pg_constraint.conname as constraint_name
        from pg_index left join pg_constraint on conindid = indexrelid and contype in ('p', 'u', 'x')
        where indrelid = probe and indisunique
    loop
        if unique_index.constraint_name is null then
            execute format('drop index %s', unique_index.name);
        else
            execute format('alter table %s drop constraint %I', probe, unique_index.constraint_name);
        end if;
    end loop;
    perform coaching_sync.index_replica(probe, coaching_sync.text_array(plan -> 'key'), coaching_sync.looked_up(plan));
    return probe;
end
$function$;

comment on function coaching_sync.create_probe(jsonb) is
    'Create an empty temporary table with the columns, constraints and indexes of a replica table.';

create or replace function coaching_sync.indexed_texts(rows regclass) returns text[]
language sql stable
as $function$
    select array_agg(distinct attname::text)
    from pg_index
    cross join unnest(indkey::smallint[]) as indexed (number)
    join pg_attribute on attrelid = indrelid and attnum = number
    where indrelid = rows and atttypid = any ('{text,varchar}'::regtype[])
$function$;

comment on function coaching_sync.indexed_texts(regclass) is
    'Text columns of a table that have an index.';

create or replace function coaching_sync.reject_staged(
    plan jsonb, at tid, message text, state text, constrained_by text
) returns void
language plpgsql
as $function$
declare
    table_name constant text := (select relname from pg_class where oid = (plan ->> 'target')::regclass);
begin
    execute format(
        'insert into coaching_sync.rejected_rows
             (published_table, source_view, aggregate_key, key, reason, source_row, sqlstate, constraint_name)
         select %1$L, %1$L, %2$L, %3$s, $2, to_jsonb(s), $3, $4 from %4$s as s where ctid = $1
         on conflict (published_table, key) do update
         set reason = excluded.reason, source_row = excluded.source_row, sqlstate = excluded.sqlstate,
             constraint_name = excluded.constraint_name, load_id = null, last_seen = now()',
        plan ->> 'name', '', coaching_sync.rejected_key(plan), plan ->> 'staging'
    ) using at, 'Postgres rejects the row: ' || replace(message, 'unfit_probe', table_name),
        state, nullif(replace(constrained_by, 'unfit_probe', table_name), '');
    execute format('delete from %s where ctid = $1', plan ->> 'staging') using at;
end
$function$;

comment on function coaching_sync.reject_staged(jsonb, tid, text, text, text) is
    'Move a staged row to rejected_rows.';

create or replace function coaching_sync.reject_between(plan jsonb, low bigint, high bigint) returns bigint
language plpgsql
as $function$
declare
    middle constant bigint := (low + high) / 2;
    message text;
    state text;
    constrained_by text;
begin
    begin
        execute format(
            'insert into pg_temp.unfit_probe (%1$s) select %1$s from %2$s
             where ctid = any (array(select at from pg_temp.unfit_order where place between $1 and $2))',
            plan ->> 'columns', plan ->> 'staging'
        ) using low, high;
        return 0;
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
        get stacked diagnostics message = message_text, state = returned_sqlstate, constrained_by = constraint_name;
    end;
    if low = high then
        perform coaching_sync.reject_staged(
            plan, (select at from pg_temp.unfit_order where place = low), message, state, constrained_by
        );
        return 1;
    end if;
    return coaching_sync.reject_between(plan, low, middle) + coaching_sync.reject_between(plan, middle + 1, high);
end
$function$;

comment on function coaching_sync.reject_between(jsonb, bigint, bigint) is
    'Reject the unfit rows among some staged rows, by halving. Returns how many.';

-- The longest indexed texts come first: unfit rows are then neighbors, and few halves contain any.
create or replace function coaching_sync.reject_unfit(plan jsonb) returns bigint
language plpgsql
as $function$
declare
    probe regclass;
    rejected bigint;
begin
    perform coaching_sync.drop_older_duplicates((plan ->> 'staging')::regclass, plan ->> 'key_list');
    probe := coaching_sync.create_probe(plan);
    execute format(
        'create temp table unfit_order on commit drop as
         select row_number() over (order by greatest(0, %s) desc, ctid) as place, ctid as at from %s as s',
        (select string_agg(format('octet_length(s.%I)', name), ', ') from unnest(coaching_sync.indexed_texts(probe)) as name),
        plan ->> 'staging'
    );
    alter table pg_temp.unfit_order add primary key (place);
    rejected := coaching_sync.reject_between(plan, 1, (select count(*) from pg_temp.unfit_order));
    drop table pg_temp.unfit_probe, pg_temp.unfit_order;
    return rejected;
end
$function$;

comment on function coaching_sync.reject_unfit(jsonb) is
    'Move the staged rows that do not fit the replica table to rejected_rows. Returns how many.';

create or replace function coaching_sync.find_repaired(plan jsonb) returns boolean
language plpgsql
as $function$
begin
    if not exists (select from coaching_sync.rejected_rows where published_table = plan ->> 'name') then
        return false;
    end if;
    execute format(
        'create temp table staged_again on commit drop as select key from coaching_sync.rejected_rows
         where published_table = %L and key in (select %s from %s as s)',
        plan ->> 'name', coaching_sync.rejected_key(plan), plan ->> 'staging'
    );
    return true;
end
$function$;

comment on function coaching_sync.find_repaired(jsonb) is
    'Create the temporary table staged_again with the keys of rejected rows that are staged again. Returns false, and creates none, if no row of the table is rejected.';

create or replace function coaching_sync.forget_repaired(plan jsonb) returns void
language plpgsql
as $function$
begin
    delete from coaching_sync.rejected_rows
    where published_table = plan ->> 'name' and last_seen < now() and key in (select key from pg_temp.staged_again);
    drop table pg_temp.staged_again;
end
$function$;

comment on function coaching_sync.forget_repaired(jsonb) is
    'Delete the records of rejected rows that were staged again and fit now.';
