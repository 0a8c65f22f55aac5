-- A batch's rows as they should be: the columns of a table's rows.sql, and those that it may leave out.
create temp table if not exists {wanted} as {rows}
with no data;

alter table {wanted}
    add column if not exists deleted boolean not null default false,
    add column if not exists rejection text,
    add column if not exists source_key jsonb,
    add column if not exists source_row jsonb
