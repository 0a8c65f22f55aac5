-- The rows that cannot be published, of one table or of all. A database of an older release lacks the last three columns.
select
    published_table, source_view, key, reason, first_seen, last_seen, source_row,
    to_jsonb(rejected) ->> 'sqlstate', to_jsonb(rejected) ->> 'constraint_name',
    nullif(to_jsonb(rejected) -> 'wanted_row', 'null')
from coaching_sync.rejected_rows as rejected
where %(table)s is null or published_table = %(table)s
order by published_table, key::text
