-- The aggregates that publishing would delete.
insert into {gone} (id) select id from {stale} where not blocked
