-- Remove loads from the list that have no rows left, or that the table's range covers.
delete from coaching_sync.published_loads as listed
where published_table = %(table)s
    and (source_view, load_id) not in (
        select present_load.source_view, present_load.load_id
        from present_load
        left join coaching_sync.published_ranges as folded
            on folded.published_table = %(table)s
            and folded.source_view = present_load.source_view
            and present_load.load_id between folded.first_load and folded.last_load
        where folded.last_load is null
    )
