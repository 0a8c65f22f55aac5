-- Links that this project inserted and that the source no longer names. Rows that others wrote stay.
select published.call_id, published.opportunity_id
from wanted_calls
join call_opportunities as published on published.call_id = wanted_calls.id
join coaching_sync.inserted_links as ours
    on ours.call_id = published.call_id and ours.opportunity_id = published.opportunity_id
where not wanted_calls.deleted
    and not exists (
        select from wanted_call_opportunities as wanted
        where wanted.call_id = published.call_id and wanted.opportunity_id = published.opportunity_id
    )
