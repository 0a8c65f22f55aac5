-- Where a call's values come from: its current row with the lowest workspace.
create view published.call_rows as
select distinct on (id) * from gong.call where id is not null order by id, workspace_id nulls last;
