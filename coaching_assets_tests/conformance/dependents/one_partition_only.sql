create table alarms (call_id uuid, day int) partition by list (day);
create table alarms_1 partition of alarms (foreign key (call_id) references calls on delete cascade) for values in (1);
create table alarms_2 partition of alarms for values in (2);
-- row
insert into alarms select id, 1 from calls where gong_call_id = %(call)s;
