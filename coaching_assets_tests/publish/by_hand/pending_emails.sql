-- The e-mails that are due: they, their sender or a recipient changed in a load that is not published yet, or the
-- opportunity that they waited for is there.
select id as key from gong_email where load_id = any (%(gong_email)s)
union
select email_id from gong_email_sender where load_id = any (%(gong_email_sender)s)
union
select email_id from gong_email_recipient
where load_id = any (%(gong_email_recipient)s)
union
select waiting.aggregate_key
from coaching_sync.waiting_rows as waiting
join opportunities on opportunities.gong_opportunity_id = waiting.waits_for_key
where waiting.published_table = 'emails' and waiting.waits_for_table = 'opportunities'
