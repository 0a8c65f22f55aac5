-- Speakers who talked for longer than the call took. One second is left for the rounding of both.
select wanted.aggregate_key, count(*) as rows
from wanted_speakers as wanted
join calls on calls.id = wanted.call_id
where wanted.talk_time_seconds > calls.duration_seconds + 1
group by wanted.aggregate_key
