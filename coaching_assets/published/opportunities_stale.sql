-- Published opportunities that are deleted at the source.
select opportunities.id
from wanted_opportunities as wanted
join opportunities on opportunities.id = wanted.id
where wanted.deleted
