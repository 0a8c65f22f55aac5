-- Other sessions that hold locks on tables of these schemas, with the tables. Lists at most five tables of each.
select activity.pid, coalesce(activity.application_name, ''), activity.query_start,
    (array_agg(distinct pg_locks.relation::regclass::text order by pg_locks.relation::regclass::text))[:5]
from pg_locks
join pg_class on pg_class.oid = pg_locks.relation
join pg_namespace on pg_namespace.oid = pg_class.relnamespace
join pg_stat_activity as activity on activity.pid = pg_locks.pid
where pg_locks.granted
    and pg_locks.database = (select oid from pg_database where datname = current_database())
    and pg_locks.pid <> pg_backend_pid()
    and pg_class.relkind in ('r', 'p')
    and nspname = any (%(schemas)s)
group by activity.pid, activity.application_name, activity.query_start
order by activity.query_start
