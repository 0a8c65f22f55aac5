-- The opportunities that are due: they, their account, their owner or their history changed in a load that is not published yet.
select id as key from salesforce_opportunity
where load_id = any (%(salesforce_opportunity)s)
union
select id from gong_opportunity where load_id = any (%(gong_opportunity)s)
union
select opportunity.id
from salesforce_account as changed
join salesforce_opportunity as opportunity on opportunity.account_id = changed.id
where changed.load_id = any (%(salesforce_account)s)
union
select opportunity.id
from salesforce_user as changed
join salesforce_opportunity as opportunity on opportunity.owner_id = changed.id
where changed.load_id = any (%(salesforce_user)s)
union
select coalesce(opportunity_id, id) from salesforce_opportunity_history
where load_id = any (%(salesforce_opportunity_history)s)
union
select opportunity_id from salesforce_opportunity_field_history
where load_id = any (%(salesforce_opportunity_field_history)s)
