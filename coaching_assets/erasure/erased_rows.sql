-- Finds and locks the published rows to erase: the requested calls and deals, the marked e-mails, and each person's
-- speakers and transcripts. Speakers are found by the marked replica rows and by their address.
with gone_speaker as (
    select call_id, id from gong_call_speaker where load_id = %(mark)s
    union
    select call_id, speaker_id from gong_call_participant where load_id = %(mark)s
),
speaker as (
    select id from speakers where coaching_sync.lower_case(btrim(email)) = any(%(addresses)s)
    union
    select coaching_sync.derived_id('speakers', call_id || ':' || id) from gone_speaker
    union
    select adopted.speaker_id
    from gone_speaker
    join coaching_sync.adopted_speakers as adopted
        on adopted.gong_call_id = gone_speaker.call_id and adopted.gong_speaker_id = gone_speaker.id
),
found_call as (
    select tableoid, ctid from calls where gong_call_id = any(%(calls)s) for update
),
found_speaker as (
    select tableoid, ctid from speakers where id in (select id from speaker) for update
),
found_transcript as (
    select tableoid, ctid from transcripts
    where speaker_id in (select id from speaker)
        or id in (
            select said.id
            from gong_transcript as gone
            join calls on calls.gong_call_id = gone.call_id
            join transcripts as said on said.call_id = calls.id and said.sequence_number = gone.index
            where gone.load_id = %(mark)s
        )
    for update
),
found_opportunity as (
    select tableoid, ctid from opportunities where gong_opportunity_id = any(%(opportunities)s) for update
),
found_email as (
    select tableoid, ctid from emails
    where gong_email_id in (select id from gong_email where load_id = %(mark)s)
        or coaching_sync.lower_case(btrim(sender_email)) = any(%(addresses)s)
    for update
)
insert into doomed (relation, place)
select * from found_call
union select * from found_speaker
union select * from found_transcript
union select * from found_opportunity
union select * from found_email
