-- One row per synced table: the figures of its last sync, and for a published table its row of sync_status.
select
    table_name,
    state,
    rows_inserted,
    rows_updated,
    rows_deleted,
    rows_unchanged,
    rows_read,
    coalesce(sync_status.errors_count, rows_rejected) + (state = 'failed' and sync_status.entity_type is null)::int,
    seconds,
    extract(epoch from now() - coalesce(nullif(sync_status.last_sync_timestamp, 'epoch'), newest_source_time)),
    extract(epoch from ended_at),
    syncs,
    failed_syncs,
    rows_synced,
    sync_status.entity_type is not null,
    coalesce(sync_status.last_sync_status, case state when 'failed' then 'failed' else 'success' end)
from coaching_sync.last_syncs
left join sync_status on table_name = %(schema)s || '.' || entity_type
order by table_name
