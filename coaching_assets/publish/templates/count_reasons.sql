-- The rows to delete, by reason.
select coalesce(stale.reason, 'null'), count(*)
from {rows} as stale
where not ({unless})
group by 1
order by 1
