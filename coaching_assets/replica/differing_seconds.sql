-- The seconds in which the source has other rows than were read.
select source.second
from coaching_sync.stamp_digests('pg_temp.source_stamp', %(key)s::text[], %(since)s::timestamptz) as source
left join coaching_sync.read_stamps as stamps
    on stamps.second = source.second and (stamps.table_schema, stamps.table_name) = (%(schema)s, %(table)s)
where (stamps.rows, stamps.digest) is distinct from (source.row_count, source.digest)
order by 1
