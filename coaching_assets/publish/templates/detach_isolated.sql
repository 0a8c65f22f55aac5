-- References to rows that are isolated and not published.
update {wanted} as wanted
set {column} = null
where {column} in (
        select (wanted_row ->> 'id')::uuid from isolated_row where published_table = {parent_name} and not is_deletion
    )
    and not exists (select from {parent} as parent where parent.id = wanted.{column})
