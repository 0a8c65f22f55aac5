create table reviews (id serial primary key, call_id uuid not null references calls on delete cascade, note text);
create table replies (review_id int references reviews on delete cascade, note text);
-- row
insert into reviews (call_id, note) select id, 'good' from calls where gong_call_id = %(call)s;
insert into replies select max(id), 'Thank you' from reviews;
