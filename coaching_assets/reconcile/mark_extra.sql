-- Marks the extra rows by a load id of their own. Rows that changed since the comparison are not marked.
update {table} as marked
set {load_id} = %(load)s
from (
    select replica.ctid as place
    from {table} as replica
    join extra_row on extra_row.key_hash = md5(convert_to({key}, 'UTF8'))
        and extra_row.digest = md5(convert_to({row}, 'UTF8'))
) as extra
where marked.ctid = extra.place
