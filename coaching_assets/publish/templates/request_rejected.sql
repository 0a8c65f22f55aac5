-- The aggregates of all rejected rows of a table.
insert into coaching_sync.requested_aggregates (group_name, key)
select distinct {group}, aggregate_key
from coaching_sync.rejected_rows
where published_table = {table_name} and wanted_row is not null
on conflict do nothing
