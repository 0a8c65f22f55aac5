-- Record which links this project writes: the table itself does not tell.
insert into coaching_sync.inserted_links (call_id, opportunity_id)
select call_id, opportunity_id
from wanted_call_opportunities as wanted
where opportunity_id is not null
    and not exists (
        select from call_opportunities as published
        where published.call_id = wanted.call_id and published.opportunity_id = wanted.opportunity_id
    )
on conflict do nothing;

delete from coaching_sync.inserted_links
using stale_call_opportunities as stale
where inserted_links.call_id = stale.call_id and inserted_links.opportunity_id = stale.opportunity_id
