-- Take the other rows of an aggregate whose root was isolated out of the batch: its rows, and those that would be deleted.
with root as (
    select row.id, isolated.aggregate_key
    from isolated_row as isolated
    left join {root} as row on row.{root_key} = isolated.aggregate_key
    where isolated.published_table = {root_name} and not isolated.is_deletion
),
left_out as (
    delete from {wanted} as wanted using root where wanted.aggregate_key = root.aggregate_key and wanted.rejection is null
)
delete from {stale} as stale
using {table} as row, root
where {is_stale} and row.{parent_column} = root.id
