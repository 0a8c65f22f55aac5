create schema "Other People";
create table "Other People"."Their ""Notes""" ("The Call" uuid references calls on delete cascade, "Note" text);
-- row
insert into "Other People"."Their ""Notes""" select id, 'Call back' from calls where gong_call_id = %(call)s;
