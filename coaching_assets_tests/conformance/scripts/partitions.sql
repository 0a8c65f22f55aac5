-- Monologues in partitions, one of them in another schema.
create schema archive;
drop table transcripts;
create table transcripts (
    id uuid not null default gen_random_uuid(),
    call_id uuid not null references calls (id) on delete cascade,
    speaker_id uuid references speakers (id) on delete set null,
    sequence_number int not null,
    start_time_ms int,
    text text not null,
    sentiment varchar,
    topics varchar[],
    chunk_metadata jsonb,
    full_text_search tsvector,
    primary key (id)
) partition by hash (id);
create table transcripts_0 partition of transcripts for values with (modulus 3, remainder 0);
create table transcripts_1 partition of transcripts for values with (modulus 3, remainder 1);
create table archive.transcripts_2 partition of transcripts for values with (modulus 3, remainder 2);
create index on transcripts (call_id, sequence_number);
create index on transcripts using gin (topics);
create trigger transcripts_full_text before insert or update of text on transcripts
for each row execute function transcripts_full_text();
