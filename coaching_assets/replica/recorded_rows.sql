-- Whether many rows in the window are recorded as read; none are if the record is void.
select coalesce(sum(stamps.rows), 0) >= coaching_sync.many_rows()
from coaching_sync.read_tables as recorded
join coaching_sync.read_stamps as stamps using (table_schema, table_name)
where (recorded.table_schema, recorded.table_name) = (%(schema)s, %(table)s)
    and recorded.filenode = pg_relation_filenode(format('%%I.%%I', %(schema)s::text, %(table)s::text)::regclass)
    and recorded.newest <= %(watermark)s
    and stamps.second >= extract(epoch from %(since)s::timestamptz)
