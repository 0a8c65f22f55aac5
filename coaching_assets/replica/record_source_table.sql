-- Record the state of a source table. Writes only if something changed.
insert into coaching_sync.source_tables as noted
    (table_schema, table_name, state, reason, modified, missing_columns, filenode)
select %(schema)s, %(table)s, %(state)s, %(reason)s, %(modified)s, %(missing)s,
    pg_relation_filenode(to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text)))
on conflict (table_schema, table_name) do update
set state = excluded.state, reason = excluded.reason, modified = excluded.modified,
    missing_columns = excluded.missing_columns, filenode = excluded.filenode,
    since = case when (noted.state, noted.reason) is distinct from (excluded.state, excluded.reason)
                 then now() else noted.since end
where (noted.state, noted.reason, noted.modified, noted.missing_columns, noted.filenode) is distinct from
    (excluded.state, excluded.reason, excluded.modified, excluded.missing_columns, excluded.filenode)
