create domain call_key as uuid;
create table invitations (call call_key references calls on delete cascade);
-- row
insert into invitations select id from calls where gong_call_id = %(call)s;
