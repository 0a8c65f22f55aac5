-- A batch's published rows that should not exist, with the reason; those that rows of the application reference are blocked.
create temp table if not exists {stale} as select *, false as blocked from ({rows}) as found
with no data
