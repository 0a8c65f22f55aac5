-- The application's tables, as the coaching application creates them. `coaching init-db` runs this in an empty database; a
-- sync never does. Unqualified names are in the schema of COACHING_SCHEMA.
create type speaker_role as enum ('ae', 'se', 'csm', 'support');

create table calls (
    id uuid primary key default gen_random_uuid(),
    gong_call_id varchar unique not null,
    title varchar,
    scheduled_at timestamp,
    duration_seconds int,
    call_type varchar,
    product varchar,
    created_at timestamp default now(),
    processed_at timestamp,
    metadata jsonb,
    date date,
    prefect_reps varchar[] default '{}',
    overall_score int
);
create index idx_calls_gong_call_id on calls (gong_call_id);
create index idx_calls_scheduled_product on calls (scheduled_at desc, product);
create index idx_calls_date on calls (date desc nulls last);
create index idx_calls_prefect_reps on calls using gin (prefect_reps);

create table speakers (
    id uuid primary key default gen_random_uuid(),
    call_id uuid not null references calls (id) on delete cascade,
    name varchar not null,
    email varchar,
    role speaker_role,
    company_side boolean not null default false,
    talk_time_seconds int,
    talk_time_percentage decimal(5, 2),
    manager_id uuid
);
create index idx_speakers_call_id on speakers (call_id);
create index idx_speakers_email on speakers (email) where email is not null;
create index idx_speakers_company_side on speakers (company_side, email);

create table transcripts (
    id uuid primary key default gen_random_uuid(),
    call_id uuid not null references calls (id) on delete cascade,
    speaker_id uuid references speakers (id) on delete set null,
    sequence_number int not null,
    start_time_ms int,
    text text not null,
    sentiment varchar,
    topics varchar[],
    chunk_metadata jsonb,
    full_text_search tsvector
);
create index idx_transcripts_call_sequence on transcripts (call_id, sequence_number);
create index idx_transcripts_full_text on transcripts using gin (full_text_search);
create index idx_transcripts_speaker on transcripts (speaker_id) where speaker_id is not null;
create index idx_transcripts_topics on transcripts using gin (topics);

create function transcripts_full_text() returns trigger
language plpgsql
as $function$
begin
    new.full_text_search := to_tsvector('english', new.text);
    return new;
end
$function$;

create trigger transcripts_full_text before insert or update of text on transcripts
for each row execute function transcripts_full_text();

create table opportunities (
    id uuid primary key default gen_random_uuid(),
    gong_opportunity_id varchar unique not null,
    name varchar not null,
    account_name varchar,
    owner_email varchar,
    stage varchar,
    close_date date,
    amount decimal(15, 2),
    health_score decimal(5, 2),
    metadata jsonb,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
create index idx_opportunities_owner on opportunities (owner_email, updated_at desc);
create index idx_opportunities_stage on opportunities (stage, close_date);
create index idx_opportunities_updated on opportunities (updated_at desc);
create index idx_opportunities_health on opportunities (health_score) where health_score is not null;

create table emails (
    id uuid primary key default gen_random_uuid(),
    gong_email_id varchar unique not null,
    opportunity_id uuid references opportunities (id) on delete cascade,
    subject varchar,
    sender_email varchar,
    recipients varchar[],
    sent_at timestamptz,
    body_snippet text,
    metadata jsonb,
    created_at timestamptz default now()
);
create index idx_emails_opportunity on emails (opportunity_id, sent_at desc);
create index idx_emails_sent_at on emails (sent_at desc);

create table call_opportunities (
    call_id uuid references calls (id) on delete cascade,
    opportunity_id uuid references opportunities (id) on delete cascade,
    created_at timestamptz default now(),
    primary key (call_id, opportunity_id)
);
create index idx_call_opportunities_opportunity on call_opportunities (opportunity_id);
create index idx_call_opportunities_call on call_opportunities (call_id);

create table sync_status (
    entity_type varchar primary key,
    last_sync_timestamp timestamptz not null,
    last_sync_status varchar not null check (last_sync_status in ('success', 'partial', 'failed', 'never')),
    items_synced int default 0,
    errors_count int default 0,
    error_details jsonb,
    updated_at timestamptz default now()
);
insert into sync_status (entity_type, last_sync_timestamp, last_sync_status)
select entity, 'epoch', 'never'
from unnest(array['calls', 'speakers', 'transcripts', 'opportunities', 'emails', 'call_opportunities']) as entity;
