create table links (
    path text primary key,
    call_id uuid generated always as (substr(path, 8)::uuid) stored references calls on delete cascade
);
-- row
insert into links (path) select '/calls/' || id from calls where gong_call_id = %(call)s;
