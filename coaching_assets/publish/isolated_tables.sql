-- The rows of a batch that Postgres rejected or that another transaction has locked: first their places in a temporary
-- table of the batch, then the rows themselves.
create temp table isolated_place (
    published_table text,
    is_deletion boolean,
    place tid,
    sqlstate text,
    message text,
    constraint_name text
);

create temp table isolated_row (
    published_table text,
    aggregate_key text,
    key jsonb,
    reason text,
    sqlstate text,
    constraint_name text,
    wanted_row jsonb,
    is_deletion boolean,
    is_locked boolean not null generated always as (coalesce(sqlstate ~ '^(55P03|40P01)', false)) stored
);
