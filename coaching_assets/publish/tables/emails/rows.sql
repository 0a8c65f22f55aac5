-- The batch's e-mails, as they should be.
with source_email as (
    select distinct on (id) *
    from gong_email
    where id in (select key from batch)
    order by id, deleted, synced_at desc nulls last
),
sender as (
    select email_id, min(coaching_sync.not_blank(email_address) collate "C") as address
    from gong_email_sender
    where email_id in (select key from batch) and not deleted
    group by email_id
),
recipient as (
    select email_id, array_agg(distinct address order by address) as addresses
    from (
        select email_id, coaching_sync.not_blank(email_address) collate "C" as address
        from gong_email_recipient
        where email_id in (select key from batch) and not deleted
    ) as trimmed
    where address is not null
    group by email_id
)
select
    email.id as aggregate_key,
    coalesce(emails.id, coaching_sync.derived_id('emails', email.id)) as id,
    email.deleted,
    email.id::varchar as gong_email_id,
    opportunities.id as opportunity_id,
    case when opportunities.id is null and not email.deleted then coaching_sync.not_blank(email.opportunity_id) end as waits_for_key,
    email.subject,
    sender.address as sender_email,
    coalesce(recipient.addresses::varchar[], '{}') as recipients,
    email.sent_at,
    left(email.body, 500) as body_snippet,
    coaching_sync.without_empty(jsonb_build_object(
        'full_body', email.body,
        'headers', email.further_columns,
        'validation_warnings', warnings.list
    )) as metadata
from source_email as email
left join emails on emails.gong_email_id = email.id
left join opportunities on opportunities.gong_opportunity_id = coaching_sync.not_blank(email.opportunity_id)
left join sender on sender.email_id = email.id
left join recipient on recipient.email_id = email.id
cross join lateral (
    select jsonb_agg(warning order by warning collate "C") as list
    from (
        values
            (case when sender.address is null then 'sender_email: there is none' end),
            (case when not coaching_sync.is_address(sender.address)
                  then format('sender_email: %L is no address', sender.address) end),
            (case when email.sent_at is null and email.sent_at__raw is null then 'sent_at: there is none'
                  when email.sent_at is null then format('sent_at: %L is no time', email.sent_at__raw) end)
        union all
        select format('recipients: %L is no address', address)
        from unnest(recipient.addresses) as listed (address)
        where not coaching_sync.is_address(address)
    ) as found (warning)
    where warning is not null
) as warnings
