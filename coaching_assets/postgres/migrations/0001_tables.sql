-- breaking: no
-- The schema and its tables. Also upgrades a database of release 0, which created the same tables without a version.
do $$
begin
    -- "create schema if not exists" needs the right to create schemas even if the schema exists
    if to_regnamespace('coaching_sync') is null then
        create schema coaching_sync;
    end if;
end
$$;

create table coaching_sync.schema_migrations (
    version int primary key,
    name text not null,
    breaking boolean not null,
    applied_at timestamptz not null default now(),
    program_version text not null
);
comment on table coaching_sync.schema_migrations is
    'Migrations of this schema, one row each. An older program stops if it finds a breaking one that it does not know.';

-- The replica

create table if not exists coaching_sync.replica_loads (
    table_schema text not null,
    table_name text not null,
    load_id text not null,
    rows_read bigint not null,
    rows_inserted bigint not null,
    rows_updated bigint not null,
    newest_source_time timestamptz,
    loaded_at timestamptz not null default now(),
    behind_since timestamptz,
    transaction_id xid8 default pg_current_xact_id(),
    primary key (table_schema, table_name, load_id)
);
comment on table coaching_sync.replica_loads is
    'Row counts of each load of the last 30 days, per replica table.';

create index if not exists replica_loads_by_time on coaching_sync.replica_loads (loaded_at);

create table if not exists coaching_sync.source_tables (
    table_schema text not null,
    table_name text not null,
    state text not null check (state in ('loaded', 'not at the source', 'failed')),
    reason text,
    since timestamptz not null default now(),
    modified timestamptz,
    filenode oid,
    missing_columns text[],
    primary key (table_schema, table_name)
);
comment on table coaching_sync.source_tables is
    'State of each source table at the last sync: loaded, not at the source, or failed with a reason.';

create table if not exists coaching_sync.replica_tables (
    table_schema text not null,
    table_name text not null,
    relation oid,
    loading boolean not null default false,
    primary key (table_schema, table_name)
);
comment on table coaching_sync.replica_tables is
    'Tables that this project created for the replica. A table of the same name with another object id is somebody else''s.';
comment on column coaching_sync.replica_tables.relation is
    'Object id of the table. Null if the first load has not finished.';
comment on column coaching_sync.replica_tables.loading is
    'Whether a load has begun that may create the table.';

create table if not exists coaching_sync.source_changes (
    table_schema text not null,
    table_name text not null,
    behind_since timestamptz not null,
    primary key (table_schema, table_name)
);
comment on table coaching_sync.source_changes is
    'Source tables with changes that the replica does not reflect yet, and since when.';

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
comment on table coaching_sync.last_syncs is
    'Figures of the last sync of each replica and published table, and totals since the first one.';

-- Publishing

create table if not exists coaching_sync.published_loads (
    published_table text not null,
    source_view text not null,
    load_id text not null,
    published_at timestamptz not null default now(),
    primary key (published_table, source_view, load_id)
);
comment on table coaching_sync.published_loads is
    'Newest replica loads that each published table reflects. Older ones are in published_ranges.';

create table if not exists coaching_sync.published_ranges (
    published_table text not null,
    source_view text not null,
    first_load text,
    last_load text,
    storage oid,
    seen pg_snapshot not null,
    primary key (published_table, source_view)
);
comment on table coaching_sync.published_ranges is
    'Range of replica loads of a source that each published table reflects.';
comment on column coaching_sync.published_ranges.first_load is
    'Smallest load id of the range. Null if the table has only few loads, which are all in published_loads.';
comment on column coaching_sync.published_ranges.last_load is
    'Largest load id of the range.';
comment on column coaching_sync.published_ranges.storage is
    'Storage of the replica table that the range belongs to. It changes if the table is dropped, truncated or restored.';
comment on column coaching_sync.published_ranges.seen is
    'Snapshot in which the loads were found. A load within the range that it does not see is not published.';

create table if not exists coaching_sync.published_tables (
    published_table text primary key,
    fingerprint text not null,
    published_at timestamptz not null default now()
);
comment on table coaching_sync.published_tables is
    'Version of the rules that each published table was computed with. A new version makes all its rows pending.';

create table if not exists coaching_sync.rejected_rows (
    published_table text not null,
    source_view text not null,
    aggregate_key text not null,
    key jsonb not null,
    reason text not null,
    source_row jsonb,
    first_seen timestamptz not null default now(),
    last_seen timestamptz not null default now(),
    sqlstate text,
    constraint_name text,
    wanted_row jsonb,
    primary key (published_table, key)
);
comment on table coaching_sync.rejected_rows is
    'Rows that cannot be published, with the reason. A row leaves this table once it is repaired.';

create index if not exists rejected_rows_by_aggregate on coaching_sync.rejected_rows (published_table, aggregate_key);

create table if not exists coaching_sync.waiting_rows (
    published_table text not null,
    aggregate_key text not null,
    waits_for_table text not null,
    waits_for_key text not null,
    rows bigint not null default 1,
    since timestamptz not null default now(),
    primary key (published_table, aggregate_key, waits_for_table, waits_for_key)
);
comment on table coaching_sync.waiting_rows is
    'Rows that wait for a parent that is not published yet. They are published with it.';

create table if not exists coaching_sync.adopted_speakers (
    gong_call_id text not null,
    gong_speaker_id text not null,
    speaker_id uuid not null unique,
    adopted_at timestamptz not null default now(),
    primary key (gong_call_id, gong_speaker_id)
);
comment on table coaching_sync.adopted_speakers is
    'Existing speakers of an earlier importer, matched to speakers of the source.';

create table if not exists coaching_sync.participant_speakers (
    speaker_id uuid primary key,
    gong_call_id text not null,
    participants text[] not null
);
create index if not exists participant_speakers_by_call on coaching_sync.participant_speakers (gong_call_id);
comment on table coaching_sync.participant_speakers is
    'Speakers that only participants name, with the ids of these participants. If they name another speaker later, the speaker goes.';

create table if not exists coaching_sync.inserted_links (
    call_id uuid not null,
    opportunity_id uuid not null,
    only_in_metadata boolean,
    primary key (call_id, opportunity_id)
);
comment on table coaching_sync.inserted_links is
    'Links in call_opportunities that this project inserted. All other links belong to the application.';

create table if not exists coaching_sync.requested_aggregates (
    group_name text not null,
    key text not null,
    vanished boolean not null default false,
    requested_at timestamptz not null default now(),
    held_back text,
    primary key (group_name, key)
);
comment on table coaching_sync.requested_aggregates is
    'Aggregates that are pending although no load brought a change. Of a vanished one, BigQuery lacks what the replica lacks: the published rows are deleted.';

create table if not exists coaching_sync.findings (
    published_table text not null,
    finding text not null,
    aggregate_key text not null,
    rows bigint not null,
    primary key (published_table, finding, aggregate_key)
);
comment on table coaching_sync.findings is
    'Findings of the checks on published rows, one row per aggregate.';

-- Erasure

create table if not exists coaching_sync.erasures (
    id bigint generated always as identity primary key,
    requested jsonb not null,
    erased_at timestamptz not null default now(),
    database_user text not null default current_user,
    system_login text not null,
    rows_taken jsonb not null default '{}'
);
comment on table coaching_sync.erasures is
    'Log of erasures: what kinds of things were erased, when, by whom, and how many rows. It contains no erased data.';

create table if not exists coaching_sync.erased_identities (
    kind text not null,
    hash bytea not null,
    primary key (kind, hash)
);
comment on table coaching_sync.erased_identities is
    'Salted hashes of erased ids and addresses. Later syncs keep rows with these values out.';

create table if not exists coaching_sync.erasure_salt (
    only_row boolean primary key default true check (only_row),
    salt text not null
);
comment on table coaching_sync.erasure_salt is
    'Salt of the hashes in erased_identities. If it is lost, later syncs bring erased rows back.';

insert into coaching_sync.erasure_salt (salt)
select gen_random_uuid()::text || gen_random_uuid()::text
on conflict do nothing;

create table if not exists coaching_sync.withheld_rows (
    table_schema text not null,
    table_name text not null,
    hash bytea not null,
    primary key (table_schema, table_name, hash)
);
comment on table coaching_sync.withheld_rows is
    'Salted hashes of source rows that the replica lacks because of an erasure. The reconciliation expects them to differ.';

-- Databases of release 0, and from before it, lack these columns. Asked first: the lock of "alter table" conflicts with every reader.
do $$
begin
    if exists (
        select from (values
            ('coaching_sync.replica_loads'::regclass, 'behind_since'),
            ('coaching_sync.replica_loads', 'transaction_id'),
            ('coaching_sync.source_tables', 'modified'),
            ('coaching_sync.source_tables', 'filenode'),
            ('coaching_sync.source_tables', 'missing_columns'),
            ('coaching_sync.rejected_rows', 'sqlstate'),
            ('coaching_sync.rejected_rows', 'constraint_name'),
            ('coaching_sync.rejected_rows', 'wanted_row'),
            ('coaching_sync.requested_aggregates', 'held_back'),
            ('coaching_sync.inserted_links', 'only_in_metadata')
        ) as wanted (relation, name)
        where not exists (select from pg_attribute where attname = name and attrelid = relation and not attisdropped)
    ) then
        alter table coaching_sync.replica_loads add column if not exists behind_since timestamptz;
        alter table coaching_sync.replica_loads add column if not exists transaction_id xid8;
        alter table coaching_sync.replica_loads alter column transaction_id set default pg_current_xact_id();
        alter table coaching_sync.source_tables add column if not exists modified timestamptz;
        alter table coaching_sync.source_tables add column if not exists filenode oid;
        alter table coaching_sync.source_tables add column if not exists missing_columns text[];
        alter table coaching_sync.rejected_rows add column if not exists sqlstate text;
        alter table coaching_sync.rejected_rows add column if not exists constraint_name text;
        alter table coaching_sync.rejected_rows add column if not exists wanted_row jsonb;
        alter table coaching_sync.requested_aggregates add column if not exists held_back text;
        alter table coaching_sync.inserted_links add column if not exists only_in_metadata boolean;
    end if;
end
$$;

comment on column coaching_sync.replica_loads.behind_since is
    'When the source got the first modification that this load brought. Null if no sensor noticed it before the load.';
comment on column coaching_sync.replica_loads.transaction_id is
    'Transaction that wrote the load''s rows. Publishing finds loads by it that commit after newer ones.';

create index if not exists replica_loads_by_transaction
    on coaching_sync.replica_loads (table_schema, table_name, transaction_id);

comment on column coaching_sync.source_tables.modified is
    'Modification time of the source table that the replica reflects.';
comment on column coaching_sync.source_tables.filenode is
    'Storage of the replica table that was loaded. It changes if the table is dropped, truncated or restored.';
comment on column coaching_sync.source_tables.missing_columns is
    'Required columns that the source no longer delivers.';
comment on column coaching_sync.rejected_rows.sqlstate is
    'SQLSTATE of the error if Postgres rejected the row. Null if a rule of this project did.';
comment on column coaching_sync.rejected_rows.constraint_name is
    'Constraint or index that rejected the row.';
comment on column coaching_sync.rejected_rows.wanted_row is
    'Row as it should be, if Postgres rejected it. Each sync tries it again.';
comment on column coaching_sync.requested_aggregates.held_back is
    'Why the last sync could not write all of the aggregate, such as a locked row. Each sync tries it again.';
comment on column coaching_sync.inserted_links.only_in_metadata is
    'Whether only the call''s own metadata named the link when it was last published. Null if an older program published it.';
