-- Links that this project inserted and that the source no longer names. Rows that others wrote stay. The replica keeps the
-- rows that named a link; if it has none, only the reconciliation knows whether the source has one.
select
    published.call_id,
    published.opportunity_id,
    case
        when named.rows > 0 and named.rows = named.deleted then 'deleted at the source'
        when named.rows > 0 or ours.only_in_metadata or opportunities.id is null then 'superseded'
        else 'vanished from the source'
    end as reason
from wanted_calls
join call_opportunities as published on published.call_id = wanted_calls.id
join coaching_sync.inserted_links as ours
    on ours.call_id = published.call_id and ours.opportunity_id = published.opportunity_id
left join opportunities on opportunities.id = published.opportunity_id
cross join lateral (
    select count(*) as rows, count(*) filter (where integration.deleted) as deleted
    from gong_call_context_integration as integration
    where integration.call_id = wanted_calls.aggregate_key
        and integration.object_id = opportunities.gong_opportunity_id
) as named
where not wanted_calls.deleted
    and not exists (
        select from wanted_call_opportunities as wanted
        where wanted.call_id = published.call_id and wanted.opportunity_id = published.opportunity_id
    )
