-- The application's tables, and all tables whose rows reference them at any depth, if their row-level security applies to the
-- current user; each with the statement that makes the user a member of its owner, unless that would not help.
with recursive reached as (
    select to_regclass(format('%%I.%%I', %(schema)s::text, name))::oid as relation, true as is_read
    from unnest(%(tables)s::text[]) as name
    union
    select following.relation, following.is_read
    from reached
    cross join lateral (
        -- keys of partitions copy those of their partitioned table
        select conrelid, true from pg_constraint where contype = 'f' and conparentid = 0 and confrelid = reached.relation
        union all
        select inhrelid, false from pg_inherits where inhparent = reached.relation
    ) as following (relation, is_read)
)
select
    format('%%I.%%I', nspname, relname),
    case when not (relforcerowsecurity or rolsuper) then format('grant %%I to %%I;', rolname, current_user) end
from reached
join pg_class on pg_class.oid = relation
join pg_namespace on pg_namespace.oid = relnamespace
join pg_roles on pg_roles.oid = relowner
where is_read and row_security_active(relation)
order by 1
