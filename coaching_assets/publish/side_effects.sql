-- The tables of the application that lost rows in this transaction although this project does not delete from them.
select format('%%I.%%I', schemaname, relname), n_tup_del - n_tup_ins
from pg_stat_xact_user_tables
where n_tup_del > n_tup_ins
    and schemaname !~ '^pg_(temp|toast)'
    and schemaname <> 'coaching_sync'
    and coalesce(pg_partition_root(relid), relid) not in (
        select to_regclass(format('%%I.%%I', current_schema, name)) from unnest(%(published)s::text[]) as name
        where to_regclass(format('%%I.%%I', current_schema, name)) is not null
    )
    and relid not in (
        select inhrelid from pg_inherits
        where inhparent in (
            select to_regclass(format('%%I.%%I', current_schema, name)) from unnest(%(published)s::text[]) as name
        )
    )
order by 1
