-- Bytes read from BigQuery per table, activity and kind, over all periods of one sort that start in a range of days.
select
    table_name, activity, kind,
    sum(requests)::bigint, sum(rows)::bigint,
    sum(bytes_estimated)::bigint, sum(bytes_read)::bigint, sum(bytes_billed)::bigint
from coaching_sync.bigquery_bytes
where period = %(period)s and starts_on between %(since)s and %(until)s
group by table_name, activity, kind
order by sum(bytes_billed) desc, table_name, activity, kind
