insert into {table} ({columns})
select {values}
from {wanted} as wanted
where {publishable} and not exists (select from {table} as row where {same_key})
