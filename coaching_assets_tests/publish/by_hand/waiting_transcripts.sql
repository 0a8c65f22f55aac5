-- Monologues whose call has not arrived.
select call_id as aggregate_key, 'calls' as waits_for_table, call_id as waits_for_key, count(*) as rows
from gong_transcript
where call_id in (select key from batch) and not deleted and not exists (select from gong_call where gong_call.id = call_id)
group by call_id
