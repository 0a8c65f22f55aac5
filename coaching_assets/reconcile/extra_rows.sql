-- Postgres: the extra rows with digests of all columns, also if the comparison had only some of them.
select classified.key_hash, md5(convert_to({row}, 'UTF8'))
from {table} as replica
join classified on classified.key_hash = md5(convert_to({key}, 'UTF8'))
where classified.state = 'extra'
