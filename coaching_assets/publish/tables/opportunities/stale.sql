-- Published opportunities that are deleted at the source or vanished from it. Of those that this project inserted, also
-- opportunities that can no longer be published, and Gong's opportunities that Salesforce lacks once Salesforce is synced.
select
    opportunities.id, case when wanted.deleted then 'deleted at the source' else 'rejected' end as reason
from wanted_opportunities as wanted
join opportunities on opportunities.id = wanted.id
where wanted.deleted or (wanted.rejection is not null and coaching_sync.is_derived(opportunities.id))
union
select opportunities.id, 'superseded'
from opportunities
join gong_opportunity on gong_opportunity.id = opportunities.gong_opportunity_id
where gong_opportunity.id in (select key from batch)
    and coaching_sync.is_derived(opportunities.id)
    -- one that Salesforce had is missing from the replica, and perhaps only from there
    and opportunities.metadata ->> 'source' = 'gong'
    and not exists (select from wanted_opportunities as wanted where wanted.id = opportunities.id)
union
select opportunities.id, 'vanished from the source'
from coaching_sync.requested_aggregates as requested
join opportunities on opportunities.gong_opportunity_id = requested.key
where requested.group_name = 'opportunities'
    and requested.vanished
    and requested.key in (select key from batch)
    and not exists (select from wanted_opportunities as wanted where wanted.gong_opportunity_id = requested.key)
