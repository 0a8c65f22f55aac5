-- Marks the rows that BigQuery has no more by a load id of their own; those that changed since they were compared stay.
update {table} as marked
set {load_id} = %(load)s
from (
    select replica.ctid as place
    from {table} as replica
    join surplus_row on surplus_row.key_hash = md5(convert_to({key}, 'UTF8'))
        and surplus_row.digest = md5(convert_to({row}, 'UTF8'))
) as surplus
where marked.ctid = surplus.place
