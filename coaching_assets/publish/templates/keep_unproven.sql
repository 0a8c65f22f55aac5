-- Rows that only the replica lacks stay, unless a reconciliation found that BigQuery lacks them, too.
delete from {stale} as stale
using {table} as row
{join_root}
where {same_key}
    and stale.reason = {vanished}
    and not exists (
        select from coaching_sync.requested_aggregates as requested
        where requested.group_name = {group_name} and requested.key = {root_key} and requested.vanished
    )
