-- The application's tables as they would be once the opportunities are published: what the other groups read. Temporary
-- views come before the tables of the same name.
analyze gone_opportunity;

analyze coming_opportunity;

create temp view opportunities as
select id, gong_opportunity_id
from {schema}.opportunities
where id not in (select id from gone_opportunity)
union all
select id, gong_opportunity_id from coming_opportunity;

create temp view call_opportunities as
select call_id, opportunity_id
from {schema}.call_opportunities
where opportunity_id not in (select id from gone_opportunity);

create temp view emails as
select
    id, gong_email_id, subject, sender_email, recipients, sent_at, body_snippet, metadata,
    case when opportunity_id not in (select id from gone_opportunity) then opportunity_id end as opportunity_id
from {schema}.emails
