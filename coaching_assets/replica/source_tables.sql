-- Source tables that the last sync did not load, with the reason.
select table_schema, table_name, state, reason
from coaching_sync.source_tables
where state <> 'loaded'
order by table_schema, table_name
