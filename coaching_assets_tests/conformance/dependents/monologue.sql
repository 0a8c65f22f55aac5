create table quotes (line_id uuid references transcripts on delete cascade);
-- row
insert into quotes
select transcripts.id from transcripts join calls on calls.id = call_id where gong_call_id = %(call)s limit 1;
