-- One row per change that a batch would make to one table, and one per row that is there.
insert into planned (action, aggregate_key, label, columns)
with present as (
    select
        wanted.aggregate_key,
        {label} as label,
        {is_adopted} as is_adopted,
        {differs} as differs,
        array_remove(array[{columns}]::text[], null) as columns
    from {wanted} as wanted
    join {table} as row on {same_key}
    where {publishable}
)
select 'present', null, null, null::text[] from present
union all
select 'adopted', aggregate_key, label, null::text[] from present where is_adopted
union all
select 'updated', aggregate_key, label, columns from present where differs
union all
select 'inserted', wanted.aggregate_key, {label}, null
from {wanted} as wanted
where {publishable} and not exists (select from {table} as row where {same_key})
union all
select case when stale.blocked then 'kept' else 'deleted' end, {present_key}, {present_label}, null
from {stale} as stale
join {table} as row on {is_stale}
{join_root}
