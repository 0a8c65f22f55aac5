create table summons (call_id uuid references calls on delete cascade deferrable initially deferred);
-- row
insert into summons select id from calls where gong_call_id = %(call)s;
