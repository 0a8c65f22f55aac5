-- The distinct load ids of a replica table, within bounds. The recursion (a loose index scan) reads one index entry per load
-- instead of the whole table.
insert into present_load (source_view, load_id)
with recursive distinct_load (load_id) as (
    (select {load_id}::text from {table} where {within} order by {load_id} limit 1)
    union all
    select (
        select {load_id}::text from {table}
        where {load_id} > distinct_load.load_id and {within} order by {load_id} limit 1
    )
    from distinct_load
    where distinct_load.load_id is not null
)
select {view}, load_id from distinct_load where load_id is not null
