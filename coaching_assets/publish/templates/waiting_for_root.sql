-- The batch's source rows whose aggregate has no row of its own yet.
select {key} as aggregate_key, {root_name} as waits_for_table, {key} as waits_for_key, count(*) as rows
from {view}
where {key} in (select key from batch) and not deleted and ({condition}) and not ({exists})
group by {key}
