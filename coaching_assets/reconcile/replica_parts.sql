-- Postgres: the hashes of the keys of all rows that these aggregates have in the replica.
select md5(convert_to({key}, 'UTF8'))
from {table} as replica
where {aggregate} = any (%(keys)s)
