-- Makes aggregates of a group pending for the next publishing. One that vanished from the source stays requested as such.
insert into coaching_sync.requested_aggregates as requested (group_name, key, vanished)
select %(group)s, key, %(vanished)s
from unnest(%(keys)s::text[]) as key
on conflict (group_name, key) do update set vanished = requested.vanished or excluded.vanished
