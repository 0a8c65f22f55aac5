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
