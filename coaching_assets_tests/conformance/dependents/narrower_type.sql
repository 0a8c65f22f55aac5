alter table calls add number bigint generated always as identity unique;
create table tickets (call_number int references calls (number) on delete cascade);
-- row
insert into tickets select number from calls where gong_call_id = %(call)s;
