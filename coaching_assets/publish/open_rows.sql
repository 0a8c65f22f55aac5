-- The rows of a table that are not published: rejected and waiting rows, and the aggregates with a locked row.
select
    (select count(*) from coaching_sync.rejected_rows where published_table = %(table)s),
    (select coalesce(sum(rows), 0)::bigint from coaching_sync.waiting_rows where published_table = %(table)s),
    (select count(*) from coaching_sync.requested_aggregates where group_name = %(group)s and held_back = %(locked)s)
