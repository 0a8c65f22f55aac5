-- Each key of the buckets that differ: equal, missing in the replica, surplus there, different, or pending: so new that
-- the next sync reads it, because that begins at the horizon.
create temp table classified as
select
    case
        when source.key_hash is null then 'surplus'
        when replica.digest = any(source.digests) then 'equal'
        when source.synced >= %(horizon)s and source.synced is distinct from replica.synced then 'pending'
        when replica.key_hash is null then 'missing'
        else 'different'
    end as state,
    coalesce(replica.key_hash, source.key_hash) as key_hash,
    coalesce(replica.key_text, source.key_text) as key_text,
    replica.digest
from (
    select key_hash, min(key_text) as key_text, max(synced) as synced, array_agg(digest) as digests
    from source_row
    group by key_hash
) as source
full join replica_row as replica using (key_hash)
