create table views (call_id uuid references calls on delete cascade, day date) partition by range (day);
create table views_2026 partition of views for values from ('2026-01-01') to ('2027-01-01');
create table views_later partition of views default;
-- row
insert into views select id, '2026-05-01' from calls where gong_call_id = %(call)s;
