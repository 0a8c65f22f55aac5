-- Classifies each key of the buckets that differ:
--   equal, different; missing: in BigQuery only; extra: in the replica only
--   withheld: as recorded after a full reload, from which an erasure kept the row out
--   rejected: Postgres rejected BigQuery's present version of the row
--   pending: newer than the horizon, from which the next sync reads
create temp table classified as
select
    case
        when source.key_hash is null then 'extra'
        when replica.digest = any(source.digests) then 'equal'
        when exists (
            select from rejected_row
            where rejected_row.key_hash = source.key_hash
                and (rejected_row.digest = any(source.digests) or rejected_row.synced = source.synced)
        ) then 'rejected'
        when compared.hash in (select hash from withheld_row) then 'withheld'
        when source.synced >= %(horizon)s and source.synced is distinct from replica.synced then 'pending'
        when replica.key_hash is null then 'missing'
        else 'different'
    end as state,
    coalesce(replica.key_hash, source.key_hash) as key_hash,
    coalesce(replica.key_text, source.key_text) as key_text,
    replica.digest,
    source.synced,
    compared.hash
from (
    select key_hash, min(key_text) as key_text, max(synced) as synced, array_agg(digest order by digest) as digests
    from source_row
    group by key_hash
) as source
full join replica_row as replica using (key_hash)
cross join lateral (
    select sha256(convert_to(
        concat_ws(' ', %(salt)s, source.key_hash, array_to_string(source.digests, ' '), coalesce(replica.digest, '-')), 'UTF8'
    )) as hash
) as compared
