-- Record the rows of a source that lack the key of their aggregate; reject.py fills in the names in braces.
with keyless as (
    select jsonb_build_object({key}) as key, {reason} as reason, source_row
    from {view}
    where ({is_keyless}) and not deleted
),
repaired as (
    delete from coaching_sync.rejected_rows as rejected
    where published_table = {table} and aggregate_key = '' and not exists (select from keyless where keyless.key = rejected.key)
)
insert into coaching_sync.rejected_rows as rejected (published_table, source_view, aggregate_key, key, reason, source_row)
select {table}, {view_name}, '', key, reason, source_row
from keyless
on conflict (published_table, key) do update
set reason = excluded.reason, source_row = excluded.source_row, last_seen = now()
where (rejected.reason, rejected.source_row) is distinct from (excluded.reason, excluded.source_row)
