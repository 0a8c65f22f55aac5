-- One row for each pair of a call and a deal that belong together; needs the calls and the opportunities.
create table published.call_opportunities as
with named as (
    select call_id, object_id as opportunity_id
    from gong.call_context_integration
    where lower(object_type) = 'opportunity'
    union
    select id, opportunity_named(metadata)
    from published.call_rows
    where opportunity_named(metadata) is not null
)
select
    call_id as gong_call_id,
    opportunity_id as gong_opportunity_id,
    case
        when call_id is null or opportunity_id is null then 'rejected'
        when call_id in (select gong_call_id from published.calls where state = 'published')
            and opportunity_id in (select gong_opportunity_id from published.opportunities where state = 'published')
            then 'published'
        else 'waiting'
    end as state,
    [call_id, opportunity_id] as source_key
from named;
