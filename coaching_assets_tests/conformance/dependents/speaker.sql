create table coaching_sessions (id serial primary key, rep_id uuid not null references speakers on delete cascade);
create table session_notes (session_id int references coaching_sessions on delete cascade, note text);
-- row
insert into coaching_sessions (rep_id)
select speakers.id from speakers join calls on calls.id = call_id where gong_call_id = %(call)s limit 1;
insert into session_notes select max(id), 'Well done' from coaching_sessions;
