-- Of rows of one key, the one that Fivetran processed last stays. The names in braces are filled in by scratch.py.
delete from {table}
where ctid in (
    select ctid
    from (
        select ctid, row_number() over (partition by {key} order by _fivetran_synced desc nulls last, ctid desc) as place
        from {table}
    ) as ranked
    where place > 1
)
