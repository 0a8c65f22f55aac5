-- Links of which the opportunity, or the call, is not there.
select aggregate_key, 'opportunities' as waits_for_table, waits_for_key, count(*) as rows
from wanted_call_opportunities
where opportunity_id is null
group by aggregate_key, waits_for_key
union all
select call_id, 'calls', call_id, count(*)
from gong_call_context_integration
where call_id in (select key from batch)
    and not deleted
    and lower(object_type) = 'opportunity'
    and not exists (select from gong_call where gong_call.id = call_id)
group by call_id
