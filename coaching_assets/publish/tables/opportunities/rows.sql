-- The batch's opportunities, as they should be: Salesforce's, or Gong's if there is no Salesforce.
with salesforce_row as (
    select distinct on (id) *
    from salesforce_opportunity
    where id in (select key from batch)
    order by id, deleted, synced_at desc nulls last
),
gong_row as (
    select distinct on (id) *
    from gong_opportunity
    where id in (select key from batch)
    order by id, deleted, synced_at desc nulls last
),
stage as (
    select coalesce(opportunity_id, id) as opportunity_id, stage_name as stage,
        case when opportunity_id is null then _fivetran_start else created_date end as at, 1 as preference
    from salesforce_opportunity_history
    where coalesce(opportunity_id, id) in (select key from batch) and not soft_deleted
    union all
    select opportunity_id, new_value, created_date, 2
    from salesforce_opportunity_field_history
    where opportunity_id in (select key from batch) and not deleted and field = 'StageName'
),
preferred as (
    select *, min(preference) over (partition by opportunity_id) as best,
        lag(stage) over (partition by opportunity_id, preference order by at, stage collate "C") as previous
    from stage
    where stage is not null and at is not null
),
history as (
    select opportunity_id,
        jsonb_agg(jsonb_build_object('stage', stage, 'at', coaching_sync.json_time(at)) order by at, stage collate "C") as stages
    from preferred
    where preference = best and stage is distinct from previous
    group by opportunity_id
),
described as (
    select
        'salesforce' as source, opportunity.id, opportunity.deleted,
        coaching_sync.not_blank(opportunity.name) as name,
        coaching_sync.not_blank(account.name) as account_name,
        case
            when coaching_sync.not_blank(opportunity.account_id) is null then 'account_name: the opportunity has no account'
            when account.id is null then format('account_name: account %L is not there', opportunity.account_id)
            when coaching_sync.not_blank(account.name) is null then format('account_name: account %L has no name', account.id)
        end as account_warning,
        coaching_sync.not_blank(owner.email) as owner_email,
        case
            when coaching_sync.not_blank(opportunity.owner_id) is null then 'owner_email: the opportunity has no owner'
            when owner.id is null then format('owner_email: user %L is not there', opportunity.owner_id)
            when coaching_sync.not_blank(owner.email) is null then format('owner_email: user %L has no address', owner.id)
        end as owner_warning,
        opportunity.stage_name as stage,
        opportunity.close_date, opportunity.close_date__raw, opportunity.amount, opportunity.amount__raw,
        gong.health_score, gong.health_score__raw,
        jsonb_build_object(
            'account', case when account.id is not null then coaching_sync.without_empty(jsonb_build_object(
                'id', account.id, 'name', coaching_sync.not_blank(account.name), 'industry', account.industry, 'website', account.website)) end,
            'owner_id', opportunity.owner_id,
            'probability', opportunity.probability,
            'type', opportunity.type,
            'is_closed', opportunity.is_closed,
            'is_won', opportunity.is_won,
            'stage_history', history.stages
        ) as details,
        opportunity.source_row, opportunity.synced_at
    from salesforce_row as opportunity
    left join lateral (
        select * from salesforce_account where id = opportunity.account_id and not deleted limit 1
    ) as account on true
    left join lateral (
        select * from salesforce_user where id = opportunity.owner_id and not deleted limit 1
    ) as owner on true
    left join gong_row as gong on gong.id = opportunity.id and not gong.deleted
    left join history on history.opportunity_id = opportunity.id
    union all
    select
        'gong', id, deleted, coaching_sync.not_blank(name), coaching_sync.not_blank(account_name),
        case when coaching_sync.not_blank(account_name) is null then 'account_name: the opportunity has no account' end,
        coaching_sync.not_blank(owner_email),
        case when coaching_sync.not_blank(owner_email) is null then 'owner_email: the opportunity has no owner' end,
        stage, close_date, close_date__raw, amount, amount__raw, health_score, health_score__raw, '{}', source_row, synced_at
    from gong_row
    where not (select present from source_table where view = 'salesforce_opportunity')
),
valued as (
    select *,
        case when abs(round(amount, 2)) < 1e13 then round(amount, 2)::numeric(15, 2) end as fitting_amount,
        case when round(health_score, 2) between 0 and 100 then round(health_score, 2)::numeric(5, 2) end as fitting_health_score
    from described
)
select
    valued.id as aggregate_key,
    coalesce(opportunities.id, coaching_sync.derived_id('opportunities', valued.id)) as id,
    valued.deleted,
    coaching_sync.json_time(valued.synced_at) as deleted_at,
    valued.id::varchar as gong_opportunity_id,
    valued.name,
    valued.account_name,
    valued.owner_email,
    valued.stage,
    valued.close_date,
    valued.fitting_amount as amount,
    valued.fitting_health_score as health_score,
    coaching_sync.without_empty(
        valued.details || jsonb_build_object('source', valued.source, 'validation_warnings', warnings.list)
    ) as metadata,
    case when valued.name is null and not valued.deleted then 'name is missing' end as rejection,
    case when valued.name is null then jsonb_build_object('id', valued.id) end as source_key,
    case when valued.name is null then valued.source_row end as source_row
from valued
left join opportunities on opportunities.gong_opportunity_id = valued.id
cross join lateral (
    select jsonb_agg(warning order by warning collate "C") as list
    from (values
        (valued.account_warning),
        (valued.owner_warning),
        (case when valued.fitting_amount is null and valued.amount__raw is not null
              then format('amount: %L is no number or does not fit', valued.amount__raw) end),
        (case when valued.close_date is null and valued.close_date__raw is not null
              then format('close_date: %L is no date', valued.close_date__raw) end),
        (case when valued.fitting_health_score is null and valued.health_score__raw is not null
              then format('health_score: %L is no number from 0 to 100', valued.health_score__raw) end)
    ) as found (warning)
    where warning is not null
) as warnings
