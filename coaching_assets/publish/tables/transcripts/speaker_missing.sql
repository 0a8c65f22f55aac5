-- Monologues published without a speaker, although the source names one.
select wanted.aggregate_key, count(*) as rows
from wanted_transcripts as wanted
where wanted.speaker_id is null and wanted.names_speaker and wanted.rejection is null
group by wanted.aggregate_key
