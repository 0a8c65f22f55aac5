-- Published opportunities that are deleted at the source, or that could not be published any more.
select opportunities.id
from wanted_opportunities as wanted
join opportunities on opportunities.id = wanted.id
where wanted.deleted or wanted.rejection is not null
