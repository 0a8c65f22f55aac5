create table invoices (call_id uuid references calls on delete restrict);
-- row
insert into invoices select id from calls where gong_call_id = %(call)s;
