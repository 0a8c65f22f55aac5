-- One row for each e-mail; needs the opportunities.
create table published.emails as
with senders as (
    select email_id, min(clean(email_address)) as address from gong.email_sender group by email_id
),
recipients as (
    select
        email_id,
        list_sort(list(distinct clean(email_address)) filter (where clean(email_address) is not null)) as addresses
    from gong.email_recipient
    group by email_id
)
select
    email.id as gong_email_id,
    deal.gong_opportunity_id as opportunity,
    email.subject,
    sender.address as sender_email,
    coalesce(recipients.addresses, []) as recipients,
    as_time(email.sent_at) as sent_at,
    left(email.body, 500) as body_snippet,
    {
        'full_body': email.body,
        'headers': further.headers,
        'validation_warnings': present([
            case when sender.address is null or not well_formed(sender.address) then 'sender_email' end,
            case when as_time(email.sent_at) is null then 'sent_at' end,
            case when not list_bool_and(list_transform(recipients.addresses, lambda one: well_formed(one)))
                then 'recipients' end
        ])
    } as metadata,
    case when email.id is null then 'rejected' else 'published' end as state,
    [email.id] as source_key
from gong.email
left join senders as sender on sender.email_id = email.id
left join recipients on recipients.email_id = email.id
left join gong.email_headers as further on further.id = email.id
left join published.opportunities as deal
    on deal.gong_opportunity_id = email.opportunity_id and deal.state = 'published';
