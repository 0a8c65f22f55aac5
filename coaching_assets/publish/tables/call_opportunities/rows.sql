-- The links between the batch's calls and opportunities, as they should be. A link without `opportunity_id` waits.
with live_call as (
    select distinct on (id) id, metadata
    from gong_call
    where id in (select key from batch) and not deleted
    order by id, workspace_id collate "C" nulls last
),
named as (
    select integration.call_id, integration.object_id, false as in_metadata
    from gong_call_context_integration as integration
    where integration.call_id in (select id from live_call)
        and not integration.deleted
        and coaching_sync.lower_case(integration.object_type) = 'opportunity'
    union all
    select id, metadata ->> 'opportunity_id', true from live_call where jsonb_typeof(metadata) = 'object'
),
link as (
    select call_id, object_id, bool_and(in_metadata) as only_in_metadata from named group by call_id, object_id
)
select
    link.call_id as aggregate_key,
    coalesce(calls.id, coaching_sync.derived_id('calls', link.call_id)) as call_id,
    opportunities.id as opportunity_id,
    link.object_id as waits_for_key,
    link.only_in_metadata
from link
left join calls on calls.gong_call_id = link.call_id
left join opportunities on opportunities.gong_opportunity_id = link.object_id
where coaching_sync.not_blank(link.object_id) is not null
