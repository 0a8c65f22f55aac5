-- breaking: no
-- The bytes that BigQuery reads and bills, for `coaching status --cost`, the metrics and BIGQUERY_DAILY_BYTES; and the windows
-- that were not read again because the daily limit was reached.

create table if not exists coaching_sync.bigquery_bytes (
    period text not null check (period in ('run', 'day', 'month')),
    name text not null,
    table_name text not null,
    activity text not null,
    kind text not null,
    starts_on date not null,
    requests bigint not null,
    rows bigint not null,
    bytes_estimated bigint not null,
    bytes_read bigint not null,
    bytes_billed bigint not null,
    primary key (period, name, table_name, activity, kind)
);
create index if not exists bigquery_bytes_by_start on coaching_sync.bigquery_bytes (period, starts_on);

comment on table coaching_sync.bigquery_bytes is
    'Bytes read from BigQuery, summed per run, day and month. Runs are kept for 30 days, days for 400 days, months for 5 years.';
comment on column coaching_sync.bigquery_bytes.period is 'run, day or month. A usage is added to a row of each.';
comment on column coaching_sync.bigquery_bytes.name is 'Id of the run, or the day (2026-11-26) or month (2026-11) in UTC.';
comment on column coaching_sync.bigquery_bytes.table_name is 'Table in BigQuery: dataset.table.';
comment on column coaching_sync.bigquery_bytes.activity is 'sync, or reconciliation with its repairs.';
comment on column coaching_sync.bigquery_bytes.kind is
    'whole read, filtered read (both by the Storage Read API), or query.';
comment on column coaching_sync.bigquery_bytes.starts_on is 'First day of the period in UTC.';
comment on column coaching_sync.bigquery_bytes.requests is 'Read sessions or query jobs.';
comment on column coaching_sync.bigquery_bytes.rows is 'Rows received.';
comment on column coaching_sync.bigquery_bytes.bytes_estimated is
    'BigQuery''s estimate before reading; 0 for queries without a dry run.';
comment on column coaching_sync.bigquery_bytes.bytes_read is
    'Bytes of the rows received, uncompressed; for queries, bytes processed.';
comment on column coaching_sync.bigquery_bytes.bytes_billed is
    'For queries, as BigQuery reports it. For reads, the estimate, or the bytes received if there is none.';

create or replace function coaching_sync.record_bytes(usages jsonb, run text, activity text, used_at timestamptz)
returns void
language sql
as $function$
    insert into coaching_sync.bigquery_bytes as recorded (
        period, name, table_name, activity, kind, starts_on, requests, rows, bytes_estimated, bytes_read, bytes_billed
    )
    select
        named.period, named.name, usage.table_name, record_bytes.activity, usage.kind, named.starts_on,
        usage.requests, usage.rows, usage.bytes_estimated, usage.bytes_read, usage.bytes_billed
    from jsonb_to_recordset(usages) as usage (
        table_name text, kind text, requests bigint, rows bigint, bytes_estimated bigint, bytes_read bigint,
        bytes_billed bigint
    )
    cross join lateral (select (used_at at time zone 'UTC')::date as day) as utc
    cross join lateral (
        values ('day', utc.day::text, utc.day),
            ('month', to_char(utc.day, 'YYYY-MM'), date_trunc('month', utc.day)::date),
            ('run', run, utc.day)
    ) as named (period, name, starts_on)
    -- the same order in all sessions, so that none waits for another in a circle
    order by named.period, named.name, usage.table_name, record_bytes.activity, usage.kind
    on conflict (period, name, table_name, activity, kind) do update
    set requests = recorded.requests + excluded.requests,
        rows = recorded.rows + excluded.rows,
        bytes_estimated = recorded.bytes_estimated + excluded.bytes_estimated,
        bytes_read = recorded.bytes_read + excluded.bytes_read,
        bytes_billed = recorded.bytes_billed + excluded.bytes_billed
$function$;

comment on function coaching_sync.record_bytes(jsonb, text, text, timestamptz) is
    'Add usages of BigQuery to the sums of a run, and of the day and month in UTC.';

create or replace function coaching_sync.prune_bytes(today date)
returns void
language sql
as $function$
    delete from coaching_sync.bigquery_bytes
    where (period = 'run' and starts_on < today - 30)
        or (period = 'day' and starts_on < today - 400)
        or (period = 'month' and starts_on < today - interval '5 years')
$function$;

comment on function coaching_sync.prune_bytes(date) is
    'Delete the sums of runs after 30 days, of days after 400 days, and of months after 5 years.';

create table if not exists coaching_sync.postponed_windows (
    table_schema text not null,
    table_name text not null,
    since timestamptz not null,
    primary key (table_schema, table_name)
);
comment on table coaching_sync.postponed_windows is
    'Replica tables whose late rows were not read, because the daily limit was reached. The next sync within the limit reads them.';
comment on column coaching_sync.postponed_windows.since is '_fivetran_synced from which rows must be read again.';
