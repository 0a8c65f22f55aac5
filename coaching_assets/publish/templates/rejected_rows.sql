-- Rejected rows, as they were computed; a random part of them if they are many.
insert into {wanted}
select (jsonb_populate_record(null::{wanted}, wanted_row)).*
from coaching_sync.rejected_rows
where published_table = {table_name} and wanted_row is not null
order by random()
limit {most}
