-- Postgres: the replica's rows in the same buckets (see source_buckets.sql), without keys that are newer at the source.
with hashed as (
    select md5(convert_to({key}, 'UTF8')) as key_hash, md5(convert_to({row}, 'UTF8')) as digest
    from {table} as replica
    where {condition}
)
select
    substr(key_hash, 1, 2) as bucket,
    count(*) as row_count,
    sum(('x' || substr(digest, 1, 8))::bit(32)::bigint)::bigint as first_sum,
    sum(('x' || substr(digest, 9, 8))::bit(32)::bigint)::bigint as second_sum,
    sum(('x' || substr(digest, 17, 8))::bit(32)::bigint)::bigint as third_sum,
    sum(('x' || substr(digest, 25, 8))::bit(32)::bigint)::bigint as fourth_sum
from hashed
where not exists (select from newer_key where newer_key.key_hash = hashed.key_hash)
group by bucket
