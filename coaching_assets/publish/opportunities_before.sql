-- An opportunity takes its e-mails and links along when it is deleted: the e-mails are detached first, and both wait for
-- its return.
insert into coaching_sync.waiting_rows (published_table, aggregate_key, waits_for_table, waits_for_key)
select 'emails', emails.gong_email_id, 'opportunities', opportunities.gong_opportunity_id
from stale_opportunities as stale
join opportunities on opportunities.id = stale.id
join emails on emails.opportunity_id = opportunities.id
where not stale.blocked
on conflict do nothing;

insert into coaching_sync.waiting_rows (published_table, aggregate_key, waits_for_table, waits_for_key)
select 'call_opportunities', calls.gong_call_id, 'opportunities', opportunities.gong_opportunity_id
from stale_opportunities as stale
join opportunities on opportunities.id = stale.id
join call_opportunities as link on link.opportunity_id = opportunities.id
join calls on calls.id = link.call_id
where not stale.blocked
on conflict do nothing;

update emails set opportunity_id = null
from stale_opportunities as stale
where emails.opportunity_id = stale.id and not stale.blocked
