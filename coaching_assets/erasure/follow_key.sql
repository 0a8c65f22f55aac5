-- Adds the rows of a child table that reference doomed rows of a parent table, and locks them if the user may: a role with the
-- least rights only reads the application's own tables. published.py fills in the names in braces.
with found as (
    select child.tableoid, child.ctid
    from {child} as child
    join {parent} as parent on {same}
    where (parent.tableoid, parent.ctid) in (select relation, place from doomed)
    {lock}
)
insert into doomed
select distinct * from found
on conflict do nothing
