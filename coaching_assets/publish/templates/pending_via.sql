-- The aggregates of the rows that refer to rows that new loads brought to a source.
select referring.{key} as key
from {view} as changed
join {via} as referring on referring.{column} = changed.{references}
where changed.load_id = any ({loads})
