alter table calls add unique (gong_call_id, id);
create table summaries (
    id uuid, gong_call_id varchar,
    foreign key (id, gong_call_id) references calls (id, gong_call_id) match full on delete cascade
);
-- row
insert into summaries select id, gong_call_id from calls where gong_call_id = %(call)s;
