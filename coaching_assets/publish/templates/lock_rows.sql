-- Isolate the rows that would be updated and that another transaction has locked.
with obtained as materialized (
    select wanted.ctid as place
    {updated}
    for no key update of row skip locked
)
insert into isolated_place (published_table, is_deletion, place, sqlstate)
select {table_name}, false, wanted.ctid, '55P03'
{updated}
    and wanted.ctid not in (select place from obtained)
