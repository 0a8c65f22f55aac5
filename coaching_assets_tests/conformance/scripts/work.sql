-- People's work on one call, on a speaker of it and on a monologue of it.
insert into coaching_sessions (rep_id)
select speakers.id from speakers join calls on calls.id = call_id where gong_call_id = %(call)s limit 1;
insert into session_notes select id, 'Well done' from coaching_sessions;
insert into "Other People"."Their ""Notes""" select id, 'Call back' from calls where gong_call_id = %(call)s;
insert into quotes
select transcripts.id from transcripts join calls on calls.id = call_id where gong_call_id = %(call)s limit 1;
