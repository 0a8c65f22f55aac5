-- Delete duplicates of a key; the row that Fivetran processed last remains. scratch.py fills in the names in braces.
delete from {table}
where ctid in (
    select ctid
    from (
        select ctid, row_number() over (partition by {key} order by _fivetran_synced desc nulls last, ctid desc) as place
        from {table}
    ) as ranked
    where place > 1
)
