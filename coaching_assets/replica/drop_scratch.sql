-- The statements that remove a dry run's tables, and its schemas unless an administrator prepared them with grants.
select format('drop schema %%I cascade', nspname)
from pg_namespace
where nspname = any (%(schemas)s) and nspacl is null and pg_has_role(nspowner, 'usage')
union all
select format('drop table %%I.%%I cascade', nspname, relname)
from pg_namespace
join pg_class on relnamespace = pg_namespace.oid
where nspname = any (%(schemas)s)
    and not (nspacl is null and pg_has_role(nspowner, 'usage'))
    and relkind = 'r'
    and pg_has_role(relowner, 'usage')
