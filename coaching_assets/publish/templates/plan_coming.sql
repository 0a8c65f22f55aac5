-- The aggregates that publishing would insert.
insert into {coming} (id, key)
select id, {key_column}
from {wanted} as wanted
where not deleted and rejection is null and not exists (select from {table} as row where row.id = wanted.id)
