alter table calls add follows uuid references calls on delete cascade;
-- row
update calls set follows = (select id from calls where gong_call_id = %(call)s) where gong_call_id = %(other)s;
