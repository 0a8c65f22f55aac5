-- E-mails, published already, whose opportunity is not there.
select aggregate_key, 'opportunities' as waits_for_table, waits_for_key, 1 as rows
from wanted_emails
where waits_for_key is not null
