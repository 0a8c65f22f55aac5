-- The starts of the partitions of a time-partitioned table that have rows in the replica.
select to_char(start, %(format)s)
from (select distinct date_trunc(%(unit)s, {column} {moment}) as start from {table} where {column} is not null) as partition
order by start
