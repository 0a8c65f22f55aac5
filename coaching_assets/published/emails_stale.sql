-- Published e-mails that are deleted at the source.
select emails.id from wanted_emails as wanted join emails on emails.id = wanted.id where wanted.deleted
