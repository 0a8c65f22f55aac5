-- The recorded slices of a table, and whether each was proven recently enough.
select slice, since, compared_at, proven_at, bytes, coalesce(proven_at, since) < now() - %(age)s * interval '1 day' as is_overdue
from coaching_sync.compared_slices
where table_schema = %(schema)s and table_name = %(table)s
