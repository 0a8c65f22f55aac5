create table playlists (call_id uuid references calls on delete set null, place int);
-- row
insert into playlists select id, 1 from calls where gong_call_id = %(call)s;
