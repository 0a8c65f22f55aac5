-- The batch's rows that share their natural key with another published row. The array keeps Postgres from reading the
-- whole table.
select wanted.aggregate_key, count(*) as rows
from {wanted} as wanted
join {table} as row on {same_key}
where row.{leading} = any (array(select distinct {leading} from {wanted}))
    and row.id <> wanted.id and not wanted.deleted and wanted.rejection is null
group by wanted.aggregate_key
