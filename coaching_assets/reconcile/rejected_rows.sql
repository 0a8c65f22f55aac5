-- Postgres: the rows that the replica rejected, hashed like its rows. A row that a copy refused lacks the refused value, so its
-- stamp takes the place of its digest.
insert into rejected_row (key_hash, digest, key, synced)
select
    md5(convert_to({key}, 'UTF8')), md5(convert_to({row}, 'UTF8')), rejected.key,
    case when to_jsonb(rejected) ->> 'load_id' is not null then {synced} end
from coaching_sync.rejected_rows as rejected
cross join lateral jsonb_populate_record(null::{table}, rejected.source_row) as replica
where rejected.published_table = %(name)s
