-- Record which links this project writes, because the table itself does not tell; and which of them only the call's own
-- metadata names.
insert into coaching_sync.inserted_links (call_id, opportunity_id, only_in_metadata)
select call_id, opportunity_id, only_in_metadata
from wanted_call_opportunities as wanted
where opportunity_id is not null
    and not exists (
        select from call_opportunities as published
        where published.call_id = wanted.call_id and published.opportunity_id = wanted.opportunity_id
    )
on conflict do nothing;

update coaching_sync.inserted_links as ours
set only_in_metadata = wanted.only_in_metadata
from wanted_call_opportunities as wanted
where ours.call_id = wanted.call_id
    and ours.opportunity_id = wanted.opportunity_id
    and ours.only_in_metadata is distinct from wanted.only_in_metadata;

delete from coaching_sync.inserted_links
using stale_call_opportunities as stale
where inserted_links.call_id = stale.call_id and inserted_links.opportunity_id = stale.opportunity_id
