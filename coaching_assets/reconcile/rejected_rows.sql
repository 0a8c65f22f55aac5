-- Postgres: the rows that the merge rejected, hashed like the replica's rows.
insert into rejected_row (key_hash, digest, key)
select md5(convert_to({key}, 'UTF8')), md5(convert_to({row}, 'UTF8')), rejected.key
from coaching_sync.rejected_rows as rejected
cross join lateral jsonb_populate_record(null::{table}, rejected.source_row) as replica
where rejected.published_table = %(name)s
