alter table calls add tenant int not null default 7;
alter table calls add unique (tenant, id);
create table grades (
    tenant int, call_id uuid, grade int,
    foreign key (tenant, call_id) references calls (tenant, id) on delete cascade
);
-- row
insert into grades select tenant, id, 3 from calls where gong_call_id = %(call)s;
