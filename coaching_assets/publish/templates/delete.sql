-- Deletes the rows that one reason is given for.
delete from {table} as row
using {rows} as stale
where {same} and not ({unless}) and stale.reason = {reason}
