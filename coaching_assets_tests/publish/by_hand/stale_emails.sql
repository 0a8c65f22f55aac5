-- Published e-mails that are deleted at the source, or that vanished from it.
select emails.id, 'deleted at the source' as reason from wanted_emails as wanted join emails on emails.id = wanted.id where wanted.deleted
union
select emails.id, 'vanished from the source'
from coaching_sync.requested_aggregates as requested
join emails on emails.gong_email_id = requested.key
where requested.group_name = 'emails'
    and requested.vanished
    and requested.key in (select key from batch)
    and not exists (select from gong_email where gong_email.id = requested.key)
