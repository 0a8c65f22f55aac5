-- The application's tables, and all tables that reference them at any depth, whose row-level security applies to the current
-- user.
with recursive reached as (
    select to_regclass(format('%%I.%%I', %(schema)s::text, name))::oid as relation from unnest(%(tables)s::text[]) as name
    union
    select conrelid from pg_constraint join reached on confrelid = reached.relation where contype = 'f'
)
select format('%%I.%%I', nspname, relname)
from reached
join pg_class on pg_class.oid = relation
join pg_namespace on pg_namespace.oid = relnamespace
where row_security_active(relation)
order by 1
