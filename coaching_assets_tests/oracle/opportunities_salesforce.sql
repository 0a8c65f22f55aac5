-- One row for each deal in Salesforce; needs the stage history.
create table published.opportunities as
with deals as (
    select distinct on (id) * from salesforce.opportunity order by id, as_time(_fivetran_start) desc nulls last
)
select
    deal.id as gong_opportunity_id,
    clean(deal.name) as name,
    clean(account.name) as account_name,
    clean(owner.email) as owner_email,
    deal.stage_name as stage,
    as_day(deal.close_date) as close_date,
    as_amount(deal.amount) as amount,
    as_score(gong.health_score) as health_score,
    {
        'source': 'salesforce',
        'account': case when account.id is not null then {
            'id': account.id,
            'name': clean(account.name),
            'industry': account.industry,
            'website': account.website
        } end,
        'owner_id': deal.owner_id,
        'probability': as_exact(deal.probability),
        'type': deal.type,
        'is_closed': try_cast(deal.is_closed as boolean),
        'is_won': try_cast(deal.is_won as boolean),
        'stage_history': stages.history,
        'validation_warnings': present([
            case when clean(account.name) is null then 'account_name' end,
            case when clean(owner.email) is null then 'owner_email' end,
            case when deal.amount is not null and as_amount(deal.amount) is null then 'amount' end,
            case when deal.close_date is not null and as_day(deal.close_date) is null then 'close_date' end,
            case when gong.health_score is not null and as_score(gong.health_score) is null then 'health_score' end
        ])
    } as metadata,
    case when deal.id is null or clean(deal.name) is null then 'rejected' else 'published' end as state,
    [deal.id] as source_key
from deals as deal
left join salesforce.account on account.id = deal.account_id
left join salesforce."user" as owner on owner.id = deal.owner_id
left join gong.opportunity as gong on gong.id = deal.id
left join published.stage_history as stages on stages.deal = deal.id;
