-- Record the state of a source table. Writes only if something changed.
insert into coaching_sync.source_tables as recorded
    (table_schema, table_name, state, reason, modified, missing_columns, filenode)
select %(schema)s, %(table)s, %(state)s, %(reason)s, %(modified)s, %(missing)s,
    (
        select pg_relation_filenode(pg_class.oid) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where (nspname, relname) = (%(schema)s, %(table)s)
    )
on conflict (table_schema, table_name) do update
set state = excluded.state, reason = excluded.reason, modified = excluded.modified,
    missing_columns = excluded.missing_columns, filenode = excluded.filenode,
    since = case when (recorded.state, recorded.reason) is distinct from (excluded.state, excluded.reason)
                 then now() else recorded.since end
where (recorded.state, recorded.reason, recorded.modified, recorded.missing_columns, recorded.filenode) is distinct from
    (excluded.state, excluded.reason, excluded.modified, excluded.missing_columns, excluded.filenode)
