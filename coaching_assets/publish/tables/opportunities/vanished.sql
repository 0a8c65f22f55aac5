-- The opportunities that this project inserted and that their source table no longer has: Salesforce's table, or Gong's if
-- there is no Salesforce.
select gong_opportunity_id as key
from opportunities
where coaching_sync.is_derived(id)
    and exists (select from source_table where view in ('salesforce_opportunity', 'gong_opportunity') and present)
    and not exists (select from salesforce_opportunity where salesforce_opportunity.id = opportunities.gong_opportunity_id)
    and (
        (select present from source_table where view = 'salesforce_opportunity')
        or not exists (select from gong_opportunity where gong_opportunity.id = opportunities.gong_opportunity_id)
    )
