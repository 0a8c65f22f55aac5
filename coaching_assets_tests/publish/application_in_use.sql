-- The database of a coaching application that has been in use for a year: an earlier importer's calls, speakers and
-- transcripts, with random ids, and what people and models wrote about them since. The source's calls, participants and
-- lines come in as JSON; of each third call the importer knew nothing.
create schema inbox;

create table coaching_sessions (
    id uuid primary key default gen_random_uuid(),
    call_id uuid not null references calls (id) on delete cascade,
    rep_id uuid not null references speakers (id) on delete cascade,
    score int, notes text, created_at timestamptz default now()
);
create table feedback (
    id serial primary key,
    session_id uuid not null references coaching_sessions (id) on delete cascade,
    body text
);
create table manager_reviews (
    id serial primary key,
    session_id uuid references coaching_sessions (id) on delete cascade,
    manager_id uuid references speakers (id) on delete cascade,
    verdict text
);
create table inbox.notifications (
    id serial primary key,
    feedback_id int references public.feedback (id) on delete cascade,
    call_id uuid references public.calls (id) on delete cascade,
    seen boolean default false
);
create table role_history (
    speaker_id uuid references speakers (id) on delete cascade,
    role speaker_role, since date,
    primary key (speaker_id, since)
);
create table opportunity_analysis_cache (calls uuid[] primary key, analysis jsonb);
create view rep_performance as
select rep_id, count(*) as sessions, avg(score) as score from coaching_sessions group by rep_id;

create temp table participant as
select *, dense_rank() over (order by call_id) as number
from jsonb_to_recordset(%(participants)s) as listed (call_id text, name text, email text);

insert into calls (gong_call_id, title, product, overall_score, created_at, metadata)
select distinct on (call_id) call_id, 'Old title', 'Core', 7, timestamp '2025-07-01', '{"reviewed_by": "Kim", "direction": "old"}'::jsonb
from participant
where number %% 3 > 0;

insert into calls (gong_call_id, title, product) values ('recorded elsewhere', 'Not at the source', 'Core');

insert into speakers (call_id, name, email, role, manager_id)
select calls.id, concat('Formerly ', name), case when number %% 2 = 0 then upper(email) else email end, 'ae', gen_random_uuid()
from participant
join calls on calls.gong_call_id = call_id
where email is not null;

-- a call that was imported by hand: one speaker twice, two without an address
insert into speakers (call_id, name, email, role)
select id, 'Formerly twice', email, 'csm'
from calls
join (select distinct on (call_id) * from participant where email is not null order by call_id, email) as first_of_call
    on first_of_call.call_id = gong_call_id
where number = 1;
insert into speakers (call_id, name, email, role)
select calls.id, 'Unknown', address, 'se'
from calls join participant on call_id = gong_call_id and number = 1
cross join (values (null), ('')) as addresses (address)
group by calls.id, address;

insert into transcripts (call_id, speaker_id, sequence_number, text, sentiment)
select calls.id, (select id from speakers where speakers.call_id = calls.id order by id limit 1), index, 'Old text', 'positive'
from jsonb_to_recordset(%(lines)s) as line (call_id text, index int)
join calls on calls.gong_call_id = line.call_id;

insert into opportunities (gong_opportunity_id, name) values ('by hand', 'A deal that somebody typed in');
insert into call_opportunities (call_id, opportunity_id)
select calls.id, opportunities.id from calls, opportunities where gong_opportunity_id = 'by hand';

insert into coaching_sessions (call_id, rep_id, score, notes)
select call_id, id, 5, 'Session with ' || name from speakers;
insert into feedback (session_id, body) select id, 'Well done' from coaching_sessions;
insert into manager_reviews (session_id, manager_id, verdict) select id, rep_id, 'agreed' from coaching_sessions;
insert into inbox.notifications (feedback_id) select id from feedback;
insert into inbox.notifications (call_id) select id from calls;
insert into role_history select id, 'ae', '2025-08-01' from speakers;
insert into opportunity_analysis_cache select array_agg(id order by id), '{"risk": "low"}' from calls;
