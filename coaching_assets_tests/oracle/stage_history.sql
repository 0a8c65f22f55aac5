-- The stages that each Salesforce deal went through, as a list of {stage, at}.
-- history_mode: whether opportunity_history is Fivetran's, in which every version counts, current or not.
create table published.stage_history as
with told as (
    select
        case when getvariable('history_mode') then id else opportunity_id end as deal,
        stage_name as stage,
        as_time(case when getvariable('history_mode') then _fivetran_start else created_date end) as moment
    from salesforce.opportunity_history_all
    where not deleted and (current or getvariable('history_mode'))
),
told_otherwise as (
    select opportunity_id as deal, new_value as stage, as_time(created_date) as moment
    from salesforce.opportunity_field_history
    where field = 'StageName'
),
known as (
    from told where deal is not null and stage is not null and moment is not null
),
all_known as (
    from known
    union all
    from told_otherwise
    where deal is not null and stage is not null and moment is not null and deal not in (select deal from known)
),
changes as (
    from all_known
    qualify lag(stage) over (partition by deal order by moment, stage) is distinct from stage
)
select deal, list({'stage': stage, 'at': json_time(moment)} order by moment, stage) as history
from changes
group by deal;
