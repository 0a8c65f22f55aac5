-- The opportunities that are due: they, their account, their owner or their history changed in a load that is not published yet.
select id as key from salesforce_opportunity
where load_id in (select load_id from new_load where source_view = 'salesforce_opportunity')
union
select id from gong_opportunity where load_id in (select load_id from new_load where source_view = 'gong_opportunity')
union
select opportunity.id
from salesforce_account as changed
join salesforce_opportunity as opportunity on opportunity.account_id = changed.id
where changed.load_id in (select load_id from new_load where source_view = 'salesforce_account')
union
select opportunity.id
from salesforce_user as changed
join salesforce_opportunity as opportunity on opportunity.owner_id = changed.id
where changed.load_id in (select load_id from new_load where source_view = 'salesforce_user')
union
select coalesce(opportunity_id, id) from salesforce_opportunity_history
where load_id in (select load_id from new_load where source_view = 'salesforce_opportunity_history')
union
select opportunity_id from salesforce_opportunity_field_history
where load_id in (select load_id from new_load where source_view = 'salesforce_opportunity_field_history')
