-- A root table as it would be after publishing, for the tables that wait for it: keys alone. A temporary view comes before
-- a table of the same name.
create temp view {table} as
select id, {key_column} from {schema}.{table} where id not in (select id from {gone})
union all
select id, key from {coming}
