-- Rows of the batch's live aggregates that this project inserted and that should no longer exist. Rows that others wrote
-- stay. The array keeps Postgres from reading the whole table.
select
    row.id,
    case
        when wanted.rejected then 'rejected'
        when wanted.deleted then 'deleted at the source'
        else 'vanished from the source'
    end as reason
from {wanted_root} as root
join {table} as row on row.{parent_column} = root.id
left join (
    select id, bool_or(rejection is not null) as rejected, bool_or(deleted) as deleted,
        bool_or(rejection is null and not deleted) as live
    from {wanted}
    group by id
) as wanted on wanted.id = row.id
where not root.deleted
    and row.{parent_column} = any (array(select id from {wanted_root}))
    and coaching_sync.is_derived(row.id)
    and wanted.live is not true
