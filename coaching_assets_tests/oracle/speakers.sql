-- One row for each speaker of a call.
create table published.speakers as
with people as (
    select call_id, id as speaker_id from gong.call_speaker
    union
    select call_id, speaker_id from gong.call_participant where speaker_id is not null
),
deleted as (
    select call_id, id as speaker_id
    from gong.call_speaker_all
    group by all
    having not bool_or(current and not deleted)
),
participants as (
    select distinct on (call_id, speaker_id) *
    from gong.call_participant
    where speaker_id is not null
    order by call_id, speaker_id, id nulls last
),
found as (
    select
        people.call_id,
        people.speaker_id,
        clean(participant.name) as participant_name,
        case when user1.id is not null
            then concat_ws(' ', clean(user1.first_name), clean(user1.last_name))
            else concat_ws(' ', clean(user2.first_name), clean(user2.last_name))
        end as user_name,
        coalesce(
            clean(participant.email_address),
            clean(case when user1.id is not null then user1.email_address else user2.email_address end)
        ) as email,
        coalesce(lower(participant.affiliation) = 'internal', false) as internal,
        as_talk_time(speaker.talk_time) as talk_time,
        people.call_id in (select id from published.call_rows) as has_call
    from people
    anti join deleted
        on deleted.call_id is not distinct from people.call_id
        and deleted.speaker_id is not distinct from people.speaker_id
    left join participants as participant
        on participant.call_id = people.call_id and participant.speaker_id = people.speaker_id
    left join gong.call_speaker as speaker on speaker.call_id = people.call_id and speaker.id = people.speaker_id
    left join gong.users as user1 on user1.id = participant.user_id
    left join gong.users as user2 on user2.id = speaker.user_id
)
select
    call_id as gong_call_id,
    speaker_id as gong_speaker_id,
    coalesce(participant_name, nullif(user_name, ''), name_from_address(email), 'Speaker ' || speaker_id) as name,
    email,
    internal or coalesce(
        contains(email, '@') and lower(string_split(email, '@')[-1]) in (select domain from company_domains), false
    ) as company_side,
    round(talk_time)::integer as talk_time_seconds,
    as_share(talk_time, (sum(talk_time) over (partition by call_id))::decimal(38, 18)) as talk_time_percentage,
    case
        when call_id is null or speaker_id is null then 'rejected'
        when has_call then 'published'
        else 'waiting'
    end as state,
    [call_id, speaker_id] as source_key
from found;
