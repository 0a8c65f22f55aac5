-- The e-mails that this project inserted and of which the replica has no row any more.
select gong_email_id as key
from emails
where coaching_sync.is_derived(id)
    and (select present from source_table where view = 'gong_email')
    and not exists (select from gong_email where gong_email.id = emails.gong_email_id)
