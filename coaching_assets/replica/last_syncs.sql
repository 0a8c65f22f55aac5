-- What the last sync did to each table of the replica and of the application, and what all of them did together.
create schema if not exists coaching_sync;

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
