-- Removes rows of BigQuery of which the replica has a newer version outside the compared part. If BigQuery contains a key twice, in
-- two partitions, only the newest row counts.
delete from pg_temp.source_row
using {table} as replica
where source_row.key_hash = md5(convert_to({key}, 'UTF8'))
    and ({condition}) is not true
    and {synced} > source_row.synced
