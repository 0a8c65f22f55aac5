-- Replace the figures of a table's last sync; the last three columns are totals.
insert into coaching_sync.last_syncs as recorded (
    table_name, state, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_deleted, rows_rejected, seconds,
    newest_source_time, failed_syncs, rows_synced
)
values (
    %(table)s, %(state)s, %(rows_read)s, %(rows_inserted)s, %(rows_updated)s, %(rows_unchanged)s, %(rows_deleted)s,
    %(rows_rejected)s, %(seconds)s, %(newest_source_time)s, (%(state)s = 'failed')::int,
    %(rows_inserted)s + %(rows_updated)s + %(rows_deleted)s
)
on conflict (table_name) do update
set state = excluded.state,
    rows_read = excluded.rows_read,
    rows_inserted = excluded.rows_inserted,
    rows_updated = excluded.rows_updated,
    rows_unchanged = excluded.rows_unchanged,
    rows_deleted = excluded.rows_deleted,
    rows_rejected = excluded.rows_rejected,
    seconds = excluded.seconds,
    newest_source_time = coalesce(excluded.newest_source_time, recorded.newest_source_time),
    ended_at = now(),
    syncs = recorded.syncs + 1,
    failed_syncs = recorded.failed_syncs + excluded.failed_syncs,
    rows_synced = recorded.rows_synced + excluded.rows_synced
