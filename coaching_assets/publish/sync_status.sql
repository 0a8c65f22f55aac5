-- Write one row of sync_status if it differs.
with wanted as (
    select
        %(entity)s::varchar as entity_type,
        coalesce(
            %(time)s::timestamptz,
            (select last_sync_timestamp from sync_status where entity_type = %(entity)s),
            'epoch'
        ) as last_sync_timestamp,
        %(status)s::varchar as last_sync_status,
        case when %(changed)s::int > 0 then %(changed)s::int
             else coalesce((select items_synced from sync_status where entity_type = %(entity)s), 0) end as items_synced,
        coalesce(%(errors)s::int, (select errors_count from sync_status where entity_type = %(entity)s), 0) as errors_count,
        %(details)s::jsonb as error_details
),
updated as (
    update sync_status as row
    set last_sync_timestamp = wanted.last_sync_timestamp,
        last_sync_status = wanted.last_sync_status,
        items_synced = wanted.items_synced,
        errors_count = wanted.errors_count,
        error_details = wanted.error_details,
        updated_at = now()
    from wanted
    where row.entity_type = wanted.entity_type
        and (row.last_sync_timestamp, row.last_sync_status, row.items_synced, row.errors_count, row.error_details)
            is distinct from
            (wanted.last_sync_timestamp, wanted.last_sync_status, wanted.items_synced, wanted.errors_count, wanted.error_details)
)
insert into sync_status (entity_type, last_sync_timestamp, last_sync_status, items_synced, errors_count, error_details)
select * from wanted
where not exists (select from sync_status where sync_status.entity_type = wanted.entity_type)
