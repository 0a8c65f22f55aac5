-- Whether a link is somebody else's: not inserted by this project, and not one that the source names or named.
not exists (
    select from coaching_sync.inserted_links
    where inserted_links.call_id = {row}.call_id and inserted_links.opportunity_id = {row}.opportunity_id
)
and not exists (
    select from calls
    join opportunities on opportunities.id = {row}.opportunity_id
    join gong_call_context_integration as named
        on named.call_id = calls.gong_call_id and named.object_id = opportunities.gong_opportunity_id
    where calls.id = {row}.call_id
)
