-- breaking: no
-- The slices of tables that the reconciliation may not compare with one query, because of BIGQUERY_MAXIMUM_BYTES_BILLED.

create table if not exists coaching_sync.compared_slices (
    table_schema text not null,
    table_name text not null,
    slice text not null,
    since timestamptz not null default now(),
    compared_at timestamptz,
    proven_at timestamptz,
    rows bigint,
    bytes bigint,
    primary key (table_schema, table_name, slice)
);
comment on table coaching_sync.compared_slices is
    'Slices by which the reconciliation compares replica tables that are too large for one query: a partition, a column, or the keys.';
comment on column coaching_sync.compared_slices.since is
    'When the reconciliation first planned to compare the slice.';
comment on column coaching_sync.compared_slices.compared_at is
    'When the slice was last compared. The next reconciliation begins with the slices for which this is longest ago.';
comment on column coaching_sync.compared_slices.proven_at is
    'When the slice was last equal to BigQuery. Null if it never was, or differed when it was last compared.';
comment on column coaching_sync.compared_slices.rows is
    'Rows that were equal at that time.';
comment on column coaching_sync.compared_slices.bytes is
    'Bytes that the slice alone would bill, if these exceed BIGQUERY_MAXIMUM_BYTES_BILLED. Null if it was compared.';
