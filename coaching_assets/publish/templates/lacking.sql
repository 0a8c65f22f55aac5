-- The aggregates of a batch with rows that the replica lacks.
select distinct {root_key}
from {stale} as stale
join {table} as row on {same_key}
{join_root}
where stale.reason = {vanished} and not stale.blocked
