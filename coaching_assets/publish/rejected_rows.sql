-- The source rows that cannot be published, of one table or of all.
select published_table, source_view, key, reason, first_seen, last_seen, source_row
from coaching_sync.rejected_rows
where %(table)s is null or published_table = %(table)s
order by published_table, key::text
