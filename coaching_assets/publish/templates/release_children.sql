-- Rows of another aggregate that reference the rows about to be deleted: they wait until these are published again.
insert into coaching_sync.waiting_rows (published_table, aggregate_key, waits_for_table, waits_for_key)
select {child_name}, root.{root_key}, {parent_name}, parent.{parent_key}
from {stale} as stale
join {parent} as parent on parent.id = stale.id
join {child} as child on child.{column} = parent.id
join {root} as root on root.id = child.{to_root}
where not stale.blocked
on conflict do nothing
