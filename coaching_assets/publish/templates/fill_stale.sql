-- The published rows of a batch that should not exist, each once. None is blocked yet.
insert into {stale}
select distinct on ({key}) found.*, false
from ({rows}) as found
order by {key}, reason
