create table documents (call_id uuid, title text);
create table contracts (foreign key (call_id) references calls on delete cascade) inherits (documents);
-- row
insert into contracts select id, 'Terms' from calls where gong_call_id = %(call)s;
