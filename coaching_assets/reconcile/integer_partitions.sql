-- The starts of the partitions of an integer-range partitioned table that have rows in the replica.
select distinct %(start)s + div({column} - %(start)s, %(interval)s)::bigint * %(interval)s as start
from {table}
where {column} is not null
order by start
