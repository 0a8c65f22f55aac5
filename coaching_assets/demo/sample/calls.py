"""The rows of Gong's calls, their speakers and participants, and their links to the CRM."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from coaching_assets.demo.sample.crm import MISSING, Rows, batch, delete
from coaching_assets.demo.sample.ids import WORKSPACES, gong_id, salesforce_id
from coaching_assets.demo.sample.oddities import Planter
from coaching_assets.demo.sample.people import COMPANY_DOMAIN, Deal, Person, World, amount_of
from coaching_assets.demo.sample.values import Row
from coaching_assets.demo.sample.words import words

SECONDS_PER_MONOLOGUE = 33


@dataclass(frozen=True)
class Call:
    """A call as it took place. `talk` is the talk time of each speaker, in seconds."""

    number: int
    deal: Deal
    kind: int
    started: datetime
    monologues: int
    speakers: tuple[Person, ...]
    silent: tuple[Person, ...]
    talk: tuple[float, ...]
    synced: datetime
    workspaces: tuple[str, ...] = WORKSPACES[:1]

    @property
    def id(self) -> str:
        """Gong's id."""
        return gong_id("call", self.number)

    @property
    def duration(self) -> int:
        """The duration, in seconds."""
        return self.monologues * SECONDS_PER_MONOLOGUE + 47

    @property
    def speaker_ids(self) -> tuple[str, ...]:
        """Gong's id of each speaker, in the order of `speakers`."""
        return tuple(gong_id("speaker", 10 * self.number + place) for place in range(len(self.speakers)))

    @property
    def title(self) -> str:
        """The title in the invitation."""
        title: str = words()["call_kinds"][self.kind]["title"]
        return title.format(company=self.deal.account.name)


def make_calls(world: World) -> list[Call]:
    """Create the calls of the whole period, some of them in two workspaces."""
    random = Random(f"{world.seed} calls")
    length = (world.until - timedelta(hours=3)) - world.start
    calls = [
        make_call(random, number, random.choice(world.deals), world.users, world.start + length * random.random())
        for number in range(amount_of(300, world.scale))
    ]
    for call in Planter(list(calls), world.scale, random).take("call in two workspaces"):
        calls[call.number] = replace(call, workspaces=WORKSPACES)
    return calls


def make_call(
    random: Random, number: int, deal: Deal, users: Sequence[Person], at: datetime, synced: datetime | None = None
) -> Call:
    """Create a call about a deal: its owner, perhaps a colleague, and two or three contacts of the customer."""
    weekday = at - timedelta(days=max(0, at.weekday() - 4))
    started = weekday.replace(minute=random.choice((0, 0, 15, 30, 45)), second=random.randint(0, 59), microsecond=0)
    if number % 5 == 2:
        started += timedelta(milliseconds=random.randint(1, 999))
    colleagues = [user for user in random.sample(users, min(2, len(users))) if user != deal.owner][:1]
    guests = random.sample(deal.account.contacts, random.randint(2, 3))
    speakers = (deal.owner, *(colleagues if random.random() < 0.4 else ()), *guests[:-1])
    monologues = min(140, max(12, round(random.gauss(66, 20))))
    shares = [random.uniform(0.5, 2.0) for _ in speakers]
    duration = monologues * SECONDS_PER_MONOLOGUE
    talk = tuple(_talk_time(0.93 * duration * share / sum(shares)) for share in shares)
    return Call(
        number,
        deal,
        random.randrange(len(words()["call_kinds"])),
        started,
        monologues,
        speakers,
        silent=tuple(guests[-1:]),
        talk=talk,
        synced=synced or batch(started + timedelta(seconds=duration, minutes=20)),
    )


def _talk_time(seconds: float) -> float:
    """Round to milliseconds, never halfway between two seconds, so that every rounding mode gives the same."""
    rounded = round(seconds, 3)
    return rounded + 0.001 if rounded % 1 == 0.5 else rounded


def call_rows(calls: Sequence[Call], world: World) -> Rows:
    """All rows of the calls except transcripts, with odd rows among them."""
    random = Random(f"{world.seed} call rows")
    rows = plain_call_rows(calls, random)
    _plant_in_calls(rows["gong", "call"], calls, world, random)
    _plant_in_speakers(rows, world.scale, random)
    _plant_in_links(rows["gong", "call_context_integration"], calls, world.scale, random)
    return rows


def plain_call_rows(calls: Sequence[Call], random: Random) -> Rows:
    """The rows of the calls, without odd ones."""
    return {
        ("gong", "call"): [_call(call, workspace, random) for call in calls for workspace in call.workspaces],
        ("gong", "call_speaker"): [row for call in calls for row in _speakers(call)],
        ("gong", "call_participant"): [row for call in calls for row in _participants(call, random)],
        ("gong", "call_context_integration"): [
            _link(call, call.deal.id, "Opportunity") for call in calls if call.number % 4
        ],
    }


def _call(call: Call, workspace: str, random: Random) -> Row:
    scheduled = call.started.replace(second=0, microsecond=0)
    return {
        "id": call.id,
        "workspace_id": workspace,
        "title": call.title,
        "scheduled": scheduled,
        "started": call.started,
        "duration": call.duration,
        "purpose": words()["call_kinds"][call.kind]["purpose"],
        "url": f"https://app.gong.io/call?id={call.id}",
        "direction": ("Conference", "Conference", "Outbound", "Inbound")[call.number % 4],
        "scope": "External",
        "system": ("Zoom", "Microsoft Teams", "Google Meet")[call.number % 3],
        "meeting_url": f"https://meet.example/{call.number:06d}" if call.number % 3 else None,
        "is_private": call.number % 29 == 7,
        "primary_user_id": call.deal.owner.gong_user_id,
        "languages": ("eng", "eng", "eng", "deu", None)[call.number % 5],
        "custom_data": None,
        "brief": words()["briefs"][call.number % len(words()["briefs"])],
        "call_outcome_name": words()["outcomes"][call.number % len(words()["outcomes"])],
        "metadata": None,
        "_fivetran_synced": call.synced,
        "_fivetran_deleted": False,
    }


def _speakers(call: Call) -> list[Row]:
    return [
        {
            "id": speaker_id,
            "call_id": call.id,
            "user_id": person.gong_user_id,
            "talk_time": talk,
            "_fivetran_synced": call.synced,
            "_fivetran_deleted": False,
        }
        for speaker_id, person, talk in zip(call.speaker_ids, call.speakers, call.talk, strict=True)
    ]


def _participants(call: Call, random: Random) -> list[Row]:
    speaker_ids = (*call.speaker_ids, *(None for _ in call.silent))
    return [
        {
            "id": gong_id("participant", 10 * call.number + place),
            "call_id": call.id,
            "user_id": person.gong_user_id,
            "speaker_id": speaker_id,
            "name": person.name,
            "email_address": person.email,
            "title": person.title,
            "affiliation": "External" if person.number is None else "Internal",
            "phone_number": f"+1 555 01{random.randint(0, 99):02d}" if place % 3 == 0 else None,
            "methods": json.dumps(["Invitee", "Attendee"] if speaker_id else ["Invitee"]),
            "_fivetran_synced": call.synced,
            "_fivetran_deleted": False,
        }
        for place, (person, speaker_id) in enumerate(zip((*call.speakers, *call.silent), speaker_ids, strict=True))
    ]


def _link(call: Call, object_id: str, object_type: str) -> Row:
    return {
        "name": "Salesforce",
        "object_id": object_id,
        "call_id": call.id,
        "object_type": object_type,
        "systems": "Salesforce",
        "_fivetran_synced": call.synced,
        "_fivetran_deleted": False,
    }


def _plant_in_calls(rows: list[Row], calls: Sequence[Call], world: World, random: Random) -> None:
    by_id = {call.id: call for call in calls}
    in_one = [row for row in rows if len(by_id[row["id"]].workspaces) == 1]
    in_second = [row for row in rows if row["workspace_id"] == WORKSPACES[1]]
    planter = Planter(in_one, world.scale, random)
    for row in planter.take("call deleted"):
        delete(row)
    for row in Planter(in_second, world.scale, random).take("call deleted in one of two workspaces"):
        delete(row)
    for row in planter.take("call without scheduled"):
        row["scheduled"] = None
    titles = words()["odd_titles"]
    for number, row in enumerate(planter.take("call with an odd title")):
        row["title"] = titles[number % len(titles)].format(company=by_id[row["id"]].deal.account.name)
    for row in planter.take("call with metadata"):
        row["metadata"] = json.dumps({"opportunity_id": random.choice(world.deals).id})
    for number, row in enumerate(planter.take("call with metadata of a missing opportunity")):
        row["metadata"] = json.dumps({"opportunity_id": salesforce_id("006", MISSING + 2000 + number)})


def _plant_in_speakers(rows: Rows, scale: float, random: Random) -> None:
    for row in Planter(rows["gong", "call_speaker"], scale, random).take("speaker deleted"):
        delete(row)
    participants = rows["gong", "call_participant"]
    guests = Planter([row for row in participants if row["user_id"] is None and row["speaker_id"]], scale, random)
    for row in guests.take("participant without name"):
        row["name"] = None
    for number, row in enumerate(guests.take("participant without name and address")):
        row["name"], row["email_address"] = (None, None) if number % 2 else ("", " ")
    for row in guests.take("participant of unknown affiliation"):
        row["affiliation"] = "Unknown"
    for row in guests.take("participant deleted"):
        delete(row)
    removed = {row["id"] for row in guests.take("speaker without participant")}
    participants[:] = [row for row in participants if row["id"] not in removed]
    colleagues = Planter([row for row in participants if row["user_id"]], scale, random)
    for number, row in enumerate(colleagues.take("participant from the company of unknown affiliation")):
        row["affiliation"], row["user_id"] = "Unknown", None
        if number % 2:
            row["email_address"] = row["email_address"].replace(COMPANY_DOMAIN, COMPANY_DOMAIN.title())


def _plant_in_links(rows: list[Row], calls: Sequence[Call], scale: float, random: Random) -> None:
    for row in Planter(list(rows), scale, random).take("link deleted"):
        delete(row)
    planter = Planter(calls, scale, random)
    for call in planter.take("link to an account"):
        rows.append(_link(call, call.deal.account.id, "Account"))
    for number, call in enumerate(planter.take("link to a missing opportunity")):
        rows.append(_link(call, salesforce_id("006", MISSING + 3000 + number), "Opportunity"))
