-- The speakers of the batch's calls, as they should be.
with live_call as (
    select distinct id from gong_call where id in (select key from batch) and not deleted
),
spoke as (
    select distinct on (call_id, id) call_id, id, user_id, case when talk_time >= 0 then talk_time end as talk_time
    from gong_call_speaker
    where call_id in (select id from live_call) and not deleted and coaching_sync.not_blank(id) is not null
    order by call_id, id, talk_time desc nulls last
),
participant as (
    select distinct on (call_id, speaker_id)
        call_id, speaker_id, user_id, name, coaching_sync.lower_case(affiliation) = 'internal' as internal,
        coaching_sync.not_blank(email_address) as email
    from gong_call_participant
    where call_id in (select id from live_call) and not deleted and coaching_sync.not_blank(speaker_id) is not null
    order by call_id, speaker_id, id collate "C"
),
silenced as (
    select call_id, id from gong_call_speaker
    where call_id in (select id from live_call)
    group by call_id, id
    having bool_and(deleted)
),
speaker as (
    (select call_id, id from spoke union select call_id, speaker_id from participant)
    except
    select call_id, id from silenced
),
described as (
    select
        speaker.call_id as gong_call_id,
        speaker.id as gong_speaker_id,
        coalesce(
            coaching_sync.not_blank(participant.name),
            coaching_sync.not_blank(concat_ws(' ', coaching_sync.not_blank(users.first_name), coaching_sync.not_blank(users.last_name))),
            coaching_sync.name_from_email(address.email),
            'Speaker ' || speaker.id
        ) as name,
        address.email,
        coalesce(participant.internal, false)
            or coalesce(coaching_sync.lower_case(substring(address.email from '@([^@]*)$')) in (select domain from company_domain), false) as company_side,
        spoke.talk_time,
        case when spoke.id is null then (
            select array_agg(distinct named.id collate "C")
            from gong_call_participant as named
            where named.call_id = speaker.call_id and named.speaker_id = speaker.id and not named.deleted
        ) end as only_participants
    from speaker
    left join spoke on spoke.call_id = speaker.call_id and spoke.id = speaker.id
    left join participant on participant.call_id = speaker.call_id and participant.speaker_id = speaker.id
    left join lateral (
        select first_name, last_name, coaching_sync.not_blank(email_address) as email
        from gong_users
        where id in (participant.user_id, spoke.user_id) and not deleted
        order by id is distinct from participant.user_id
        limit 1
    ) as users on true
    cross join lateral (select coalesce(participant.email, users.email) as email) as address
),
placed as (
    select
        described.*,
        coalesce(calls.id, coaching_sync.derived_id('calls', described.gong_call_id)) as call_id,
        coaching_sync.derived_id('speakers', described.gong_call_id || ':' || described.gong_speaker_id) as derived_id
    from described
    left join calls on calls.gong_call_id = described.gong_call_id
),
known as (
    select placed.*, coalesce(adopted.id, published.id) as known_id
    from placed
    left join speakers as published on published.id = placed.derived_id
    left join lateral (
        select speakers.id
        from coaching_sync.adopted_speakers
        join speakers on speakers.id = adopted_speakers.speaker_id
        where adopted_speakers.gong_call_id = placed.gong_call_id
            and adopted_speakers.gong_speaker_id = placed.gong_speaker_id
    ) as adopted on true
),
-- A row of an earlier importer is adopted if its address is unique in the call on both sides.
adoptable as (
    select call_id, coaching_sync.lower_case(email) as address, (array_agg(id))[1] as id
    from speakers
    where call_id in (select call_id from known where known_id is null)
        and not coaching_sync.is_derived(id)
        and coaching_sync.not_blank(email) is not null
        and not exists (select from coaching_sync.adopted_speakers where adopted_speakers.speaker_id = speakers.id)
    group by call_id, coaching_sync.lower_case(email)
    having count(*) = 1
),
alone as (
    select call_id, coaching_sync.lower_case(email) as address from known where email is not null group by call_id, coaching_sync.lower_case(email) having count(*) = 1
)
select
    known.gong_call_id as aggregate_key,
    known.gong_speaker_id,
    coalesce(known.known_id, adoptable.id, known.derived_id) as id,
    known.known_id is null and adoptable.id is not null as adopts,
    known.call_id,
    known.name,
    known.email,
    known.company_side,
    coaching_sync.rounded_integer(known.talk_time) as talk_time_seconds,
    round(100 * known.talk_time / nullif(sum(known.talk_time) over (partition by known.gong_call_id), 0), 2)::numeric(5, 2)
        as talk_time_percentage,
    known.only_participants
from known
left join alone on alone.call_id = known.call_id and alone.address = coaching_sync.lower_case(known.email)
left join adoptable on adoptable.call_id = alone.call_id and adoptable.address = alone.address and known.known_id is null
