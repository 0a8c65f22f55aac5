-- One row for each deal in Gong's own table, where Salesforce's is not there.
create table published.opportunities as
select
    id as gong_opportunity_id,
    clean(name) as name,
    clean(account_name) as account_name,
    clean(owner_email) as owner_email,
    stage,
    as_day(close_date) as close_date,
    as_amount(amount) as amount,
    as_score(health_score) as health_score,
    {
        'source': 'gong',
        'validation_warnings': present([
            case when clean(account_name) is null then 'account_name' end,
            case when clean(owner_email) is null then 'owner_email' end,
            case when amount is not null and as_amount(amount) is null then 'amount' end,
            case when close_date is not null and as_day(close_date) is null then 'close_date' end,
            case when health_score is not null and as_score(health_score) is null then 'health_score' end
        ])
    } as metadata,
    case when id is null or clean(name) is null then 'rejected' else 'published' end as state,
    [id] as source_key
from gong.opportunity;
