-- Take the rows that Postgres rejected, or that are locked, out of the batch's rows, and keep them for the record.
with taken as (
    delete from {wanted} as wanted
    using isolated_place as isolated
    where isolated.published_table = {table_name} and not isolated.is_deletion and isolated.place = wanted.ctid
    returning wanted.aggregate_key, {key} as key, isolated.*, to_jsonb(wanted) as wanted_row
)
insert into isolated_row
    (published_table, aggregate_key, key, reason, sqlstate, constraint_name, wanted_row, is_deletion)
select published_table, aggregate_key, key, message, sqlstate, constraint_name, wanted_row, is_deletion from taken
