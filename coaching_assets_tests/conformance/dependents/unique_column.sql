create table bookmarks (about varchar references calls (gong_call_id) on delete cascade);
-- row
insert into bookmarks values (%(call)s);
