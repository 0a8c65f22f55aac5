-- The statements that give a replica identity to tables with these names, in these schemas, that lack one. A table without a primary key has
-- none, and if a publication covers it, for example one for all tables, Postgres rejects every update and delete. dlt creates
-- no primary keys, and columns of a replica's key can be null. A query and not a function, because a dry run may load before
-- the first sync has created coaching_sync.
select format('alter table %%I.%%I replica identity full', nspname, relname)
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = any (%s) and relname = any (%s) and relkind = 'r' and relreplident = 'd'
    and not exists (select from pg_index where indrelid = pg_class.oid and indisprimary)
