-- Record the batch's rows that Postgres rejected. Locked rows are not rejected.
insert into coaching_sync.rejected_rows as rejected
    (published_table, source_view, aggregate_key, key, reason, sqlstate, constraint_name, wanted_row)
select distinct on (published_table, key)
    published_table, %(views)s::jsonb ->> published_table, aggregate_key, key,
    case when is_deletion then 'deleted at the source, but it cannot be deleted here: ' else '' end || reason
        || case when constraint_name is null or strpos(reason, constraint_name) > 0 then ''
                else ' (constraint ' || constraint_name || ')' end,
    sqlstate, constraint_name,
    case when not (%(strict)s and published_table = %(group)s) then wanted_row end
from isolated_row
where not is_locked
order by published_table, key
on conflict (published_table, key) do update set
    reason = excluded.reason, sqlstate = excluded.sqlstate, constraint_name = excluded.constraint_name,
    wanted_row = excluded.wanted_row, source_row = null, last_seen = now();

-- Each sync computes these aggregates again. All other rejected rows are only tried again as they were computed.
insert into coaching_sync.requested_aggregates as requested (group_name, key, held_back)
select distinct on (aggregate_key) %(group)s, aggregate_key, case when is_locked then %(locked)s else reason end
from isolated_row
where is_locked or is_deletion or (%(strict)s and published_table = %(group)s)
order by aggregate_key, is_locked desc
on conflict (group_name, key) do update set held_back = excluded.held_back;

delete from isolated_row
