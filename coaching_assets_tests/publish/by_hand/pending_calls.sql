-- The calls that are due: something of theirs arrived in a load that is not published yet, or what they waited for is there.
select id as key from gong_call where load_id = any (%(gong_call)s)
union
select call_id from gong_call_speaker where load_id = any (%(gong_call_speaker)s)
union
select call_id from gong_call_participant
where load_id = any (%(gong_call_participant)s)
union
select call_id from gong_transcript where load_id = any (%(gong_transcript)s)
union
select call_id from gong_call_context_integration
where load_id = any (%(gong_call_context_integration)s)
union
select participant.call_id
from gong_users as changed
join gong_call_participant as participant on participant.user_id = changed.id
where changed.load_id = any (%(gong_users)s)
union
select speaker.call_id
from gong_users as changed
join gong_call_speaker as speaker on speaker.user_id = changed.id
where changed.load_id = any (%(gong_users)s)
union
select waiting.aggregate_key
from coaching_sync.waiting_rows as waiting
join opportunities on opportunities.gong_opportunity_id = waiting.waits_for_key
where waiting.published_table = 'call_opportunities' and waiting.waits_for_table = 'opportunities'
