-- The batch's rows whose parent of another aggregate is not published.
select aggregate_key, {parent_name} as waits_for_table, waits_for_key, count(*) as rows
from {wanted}
where waits_for_key is not null and {column} is null and not deleted
group by aggregate_key, waits_for_key
