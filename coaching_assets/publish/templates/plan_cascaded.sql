-- A table as it would be once the parents that would be deleted are gone: without the rows that refer to them.
create temp view {table} as
select {columns}, {column}
from {schema}.{table}
where {column} not in (select id from {gone})
