-- The tables that were loaded, each with the modification of the source that the replica reflects. A replica table that
-- was dropped, emptied or restored since has another storage, and is not among them.
select table_name, modified
from coaching_sync.source_tables
where table_schema = %(schema)s
    and state = 'loaded'
    and filenode = pg_relation_filenode(to_regclass(format('%%I.%%I', table_schema, table_name)))
