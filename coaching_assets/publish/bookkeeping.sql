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
