-- Whether a monologue is somebody else's: not inserted by this project, in a place of the call that the source does not know.
not coaching_sync.is_derived({row}.id)
and not exists (
    select from calls
    join gong_transcript on gong_transcript.call_id = calls.gong_call_id
    where calls.id = {row}.call_id and gong_transcript.index = {row}.sequence_number
)
