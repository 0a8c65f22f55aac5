-- Postgres: the replica's rows of some buckets.
insert into replica_row (key_hash, key_text, digest, synced)
select key_hash, key_text, md5(convert_to({row}, 'UTF8')), {synced}
from {table} as replica
cross join lateral (select {key} as key_text) as keyed
cross join lateral (select md5(convert_to(key_text, 'UTF8')) as key_hash) as hashed
where substr(key_hash, 1, 2) = any(%(buckets)s) and {condition};

analyze replica_row;

analyze source_row
