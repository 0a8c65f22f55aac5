-- The tables in which an erased value may still be mentioned: the given ones, and all of this project's own.
select schemaname, tablename
from pg_tables
where (schemaname, tablename) in (select * from unnest(%(schemas)s::text[], %(names)s::text[]))
    or schemaname = 'coaching_sync'
order by 1, 2
