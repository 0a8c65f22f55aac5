-- breaking: no
-- The rows that syncs have read, by the second of their _fivetran_synced. A sync reads a window of hours again, because
-- Fivetran delivers rows late. After a re-import, all rows are in that window. The sync then reads keys and stamps alone,
-- and the rows of those seconds that differ from this record.

create table if not exists coaching_sync.read_tables (
    table_schema text not null,
    table_name text not null,
    filenode oid not null,
    newest timestamptz not null,
    primary key (table_schema, table_name)
);
comment on table coaching_sync.read_tables is
    'Replica tables whose read rows are recorded in read_stamps.';
comment on column coaching_sync.read_tables.filenode is
    'Storage of the replica table after the merge. The record is void if the table was dropped, truncated or restored.';
comment on column coaching_sync.read_tables.newest is
    'Newest _fivetran_synced that was merged. The record is void if the replica has lost it.';

create table if not exists coaching_sync.read_stamps (
    table_schema text not null,
    table_name text not null,
    second bigint not null,
    rows bigint not null,
    digest numeric not null,
    primary key (table_schema, table_name, second)
);
comment on table coaching_sync.read_stamps is
    'Rows that were read and merged, by table and second of _fivetran_synced: their number, and a sum of hashes of key and stamp.';

create or replace function coaching_sync.stamp_digests(rows regclass, key_columns text[], since timestamptz)
returns table (second bigint, row_count bigint, digest numeric)
language plpgsql stable
as $function$
begin
    return query execute format(
        'select floor(extract(epoch from _fivetran_synced))::bigint, count(*),
             sum(hash_record_extended(row(%s, _fivetran_synced), 0))
         from %s where _fivetran_synced >= $1 group by 1',
        (select string_agg(format('%I', k), ', ') from unnest(key_columns) as k), rows
    ) using since;
end
$function$;

comment on function coaching_sync.stamp_digests(regclass, text[], timestamptz) is
    'Number of rows and sum of hashes of key and stamp, per second of _fivetran_synced since a time.';

create or replace function coaching_sync.many_rows() returns bigint
language sql immutable parallel safe
as $function$
    select 200
$function$;

comment on function coaching_sync.many_rows() is
    'Rows in the window from which reading keys and stamps first is cheaper than reading the rows again.';

create or replace function coaching_sync.records_stamps(target_schema text, target_name text, rows_read bigint)
returns boolean
language sql stable
as $function$
    select rows_read >= coaching_sync.many_rows() or exists (
        select from coaching_sync.read_tables where (table_schema, table_name) = (target_schema, target_name)
    )
$function$;

comment on function coaching_sync.records_stamps(text, text, bigint) is
    'Whether to record the rows of a load: if there are many, and from then on. Few rows are read again at less cost.';

create or replace function coaching_sync.record_stamps(plan jsonb, target_schema text, target_name text, newest timestamptz)
returns void
language plpgsql
as $function$
declare
    recorded_days constant interval := '1 day';
begin
    delete from coaching_sync.read_stamps as old
    where (old.table_schema, old.table_name) = (target_schema, target_name)
        and (
            old.second < extract(epoch from newest - 2 * recorded_days)
            or not exists (
                select from coaching_sync.read_tables as recorded
                where (recorded.table_schema, recorded.table_name) = (target_schema, target_name)
                    and recorded.filenode = pg_relation_filenode((plan ->> 'target')::regclass)
            )
        );
    insert into coaching_sync.read_stamps as recorded (table_schema, table_name, second, rows, digest)
    select target_schema, target_name, loaded.second, sum(loaded.row_count), sum(loaded.digest)
    from (
        select * from coaching_sync.stamp_digests(
            (plan ->> 'staging')::regclass, coaching_sync.text_array(plan -> 'key'), newest - recorded_days
        )
        union all
        select * from coaching_sync.refused_digests(plan, newest - recorded_days)
    ) as loaded
    group by loaded.second
    on conflict (table_schema, table_name, second) do update
    set rows = excluded.rows, digest = excluded.digest
    where (recorded.rows, recorded.digest) is distinct from (excluded.rows, excluded.digest);
end
$function$;

comment on function coaching_sync.record_stamps(jsonb, text, text, timestamptz) is
    'Record the staged and refused rows of the last day as read. Runs before the merge, which changes the staging table.';

create or replace function coaching_sync.record_read_table(target_schema text, target_name text, newest timestamptz)
returns void
language sql
as $function$
    insert into coaching_sync.read_tables as recorded (table_schema, table_name, filenode, newest)
    values (
        target_schema, target_name,
        pg_relation_filenode(format('%I.%I', target_schema, target_name)::regclass), newest
    )
    on conflict (table_schema, table_name) do update
    set filenode = excluded.filenode, newest = greatest(recorded.newest, excluded.newest)
$function$;

comment on function coaching_sync.record_read_table(text, text, timestamptz) is
    'Record the storage and newest stamp of a replica table after a merge.';
