-- The number of doomed rows by table.
select nspname || '.' || relname, count(*)
from doomed
join pg_class on pg_class.oid = relation
join pg_namespace on pg_namespace.oid = relnamespace
group by 1
order by 1
