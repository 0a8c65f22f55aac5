-- The calls that this project inserted and of which the replica has no row any more.
select gong_call_id as key
from calls
where coaching_sync.is_derived(id)
    and (select present from source_table where view = 'gong_call')
    and not exists (select from gong_call where gong_call.id = calls.gong_call_id)
