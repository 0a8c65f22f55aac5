-- The range of loads that all of the tables reflect, by source. No row for a source without such a range.
select source_view, max(first_load), min(last_load)
from coaching_sync.published_ranges
where published_table = any (%(tables)s)
group by source_view
having count(last_load) = cardinality(%(tables)s) and max(first_load) <= min(last_load)
