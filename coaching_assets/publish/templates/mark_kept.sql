-- Rows that are deleted at the source and stay, because rows of the application reference them.
update {table} as row
set metadata = coalesce(row.metadata, '{{}}') || mark
from {stale} as stale
join {table} as kept using (id)
left join {wanted} as wanted using (id)
cross join lateral (
    select jsonb_build_object(
        'source_deleted_at',
        coalesce(wanted.deleted_at, kept.metadata ->> 'source_deleted_at', coaching_sync.json_time(now()))
    ) as mark
) as marks
where row.id = stale.id
    and stale.blocked
    and wanted.deleted is distinct from false
    and not coalesce(row.metadata, '{{}}') @> mark
