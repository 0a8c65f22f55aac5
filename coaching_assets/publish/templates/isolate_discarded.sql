-- Isolate the rows that are not there although Postgres accepted them, if others are there.
with missing as (
    select wanted.ctid as place
    from {wanted} as wanted
    where {publishable}
        and not exists (select from {table} as row where {same_key})
        and wanted.ctid not in (select place from isolated_place where published_table = {table_name})
)
insert into isolated_place (published_table, is_deletion, place, sqlstate, message)
select {table_name}, false, place, '02000', 'A trigger or a rule of the application discarded the row.'
from missing
where (select count(*) from missing) < (select count(*) from {wanted} as wanted where {publishable})
