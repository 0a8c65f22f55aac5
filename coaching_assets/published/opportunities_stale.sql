-- Published opportunities that are deleted at the source, that vanished from it, or that could not be published any more.
select opportunities.id
from wanted_opportunities as wanted
join opportunities on opportunities.id = wanted.id
where wanted.deleted or wanted.rejection is not null
union
select opportunities.id
from coaching_sync.requested_aggregates as requested
join opportunities on opportunities.gong_opportunity_id = requested.key
where requested.group_name = 'opportunities'
    and requested.vanished
    and requested.key in (select key from batch)
    and not exists (select from wanted_opportunities as wanted where wanted.gong_opportunity_id = requested.key)
