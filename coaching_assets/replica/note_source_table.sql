-- How a table of the source was met by this sync; written only where that is news.
insert into coaching_sync.source_tables as noted (table_schema, table_name, state, reason)
values (%(schema)s, %(table)s, %(state)s, %(reason)s)
on conflict (table_schema, table_name) do update
set state = excluded.state, reason = excluded.reason, since = now()
where (noted.state, noted.reason) is distinct from (excluded.state, excluded.reason)
