-- What the batch would make of the opportunities, for the groups that refer to them.
insert into gone_opportunity (id) select id from stale_opportunities where not blocked;

insert into coming_opportunity (id, gong_opportunity_id)
select id, gong_opportunity_id
from wanted_opportunities as wanted
where not deleted
    and rejection is null
    and not exists (select from opportunities where opportunities.id = wanted.id)
