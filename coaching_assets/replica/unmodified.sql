-- Loaded tables, with the source modification that the replica reflects. Without tables that were dropped, truncated or
-- restored since: these have another storage.
select table_name, modified
from coaching_sync.source_tables
where table_schema = %(schema)s
    and state = 'loaded'
    and filenode = pg_relation_filenode(to_regclass(format('%%I.%%I', table_schema, table_name)))
