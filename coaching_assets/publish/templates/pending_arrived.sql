-- The aggregates with rows that waited for a parent which is published now.
select waiting.aggregate_key as key
from coaching_sync.waiting_rows as waiting
join {parent} on {parent}.{parent_key} = waiting.waits_for_key
where waiting.published_table = {table_name} and waiting.waits_for_table = {parent_name}
