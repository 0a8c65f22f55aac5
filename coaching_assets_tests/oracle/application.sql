-- What the application's tables hold, of the columns that the project owns, with natural keys instead of ids.
-- One statement a table; {schema} is the application's.

-- calls
select gong_call_id, title, scheduled_at, duration_seconds, call_type, date, prefect_reps, metadata
from {schema}.calls;

-- speakers
select
    call.gong_call_id, speaker.id::text as speaker_id,
    speaker.name, speaker.email, speaker.company_side, speaker.talk_time_seconds, speaker.talk_time_percentage
from {schema}.speakers as speaker
join {schema}.calls as call on call.id = speaker.call_id;

-- transcripts
select
    call.gong_call_id, transcript.sequence_number,
    case when speaker.id is not null then array[speaker.name, speaker.email] end as speaker,
    transcript.start_time_ms, transcript.text, transcript.topics, transcript.chunk_metadata
from {schema}.transcripts as transcript
join {schema}.calls as call on call.id = transcript.call_id
left join {schema}.speakers as speaker on speaker.id = transcript.speaker_id;

-- call_opportunities
select call.gong_call_id, opportunity.gong_opportunity_id
from {schema}.call_opportunities as link
join {schema}.calls as call on call.id = link.call_id
join {schema}.opportunities as opportunity on opportunity.id = link.opportunity_id;

-- opportunities
select
    gong_opportunity_id, name, account_name, owner_email, stage, close_date, amount, health_score, metadata
from {schema}.opportunities;

-- emails
select
    email.gong_email_id, opportunity.gong_opportunity_id as opportunity,
    email.subject, email.sender_email, email.recipients, email.sent_at, email.body_snippet, email.metadata
from {schema}.emails as email
left join {schema}.opportunities as opportunity on opportunity.id = email.opportunity_id;
