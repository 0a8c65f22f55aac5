-- The number of doomed rows by table, those of partitions under their partitioned table.
select nspname || '.' || relname, count(*)
from doomed
join pg_class on pg_class.oid = coalesce(pg_partition_root(relation), relation)
join pg_namespace on pg_namespace.oid = relnamespace
group by 1
order by 1
