-- A table as it would be once the parents that would be deleted are gone: without the reference to them.
create temp view {table} as
select {columns}, case when {column} not in (select id from {gone}) then {column} end as {column}
from {schema}.{table}
