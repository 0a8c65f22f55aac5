-- List the new loads that the table's range does not cover.
insert into coaching_sync.published_loads (published_table, source_view, load_id)
select %(table)s, source_view, load_id
from new_load
where not exists (
    select from coaching_sync.published_ranges as folded
    where folded.published_table = %(table)s
        and folded.source_view = new_load.source_view
        and new_load.load_id between folded.first_load and folded.last_load
)
on conflict do nothing
