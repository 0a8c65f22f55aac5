-- The seconds of _fivetran_synced of rows that the replica table rejected under other terms; null for rows without a stamp.
-- The subquery is computed once, and only if the table has rejected rows.
select distinct floor(extract(epoch from (source_row ->> '_fivetran_synced')::timestamptz))::bigint as second
from coaching_sync.rejected_rows
where published_table = %(schema)s::text || '.' || %(table)s::text
    and rejected_under is distinct from (
        select coaching_sync.rejection_terms(
            to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text)), %(program)s
        )
    )
order by second
