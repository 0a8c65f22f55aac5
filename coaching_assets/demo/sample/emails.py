"""The rows of Gong's e-mails, their senders and their recipients."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from coaching_assets.demo.sample.crm import MISSING, Rows, batch, delete
from coaching_assets.demo.sample.ids import gong_id, salesforce_id
from coaching_assets.demo.sample.oddities import Planter
from coaching_assets.demo.sample.people import Deal, Person, World, amount_of
from coaching_assets.demo.sample.values import Row
from coaching_assets.demo.sample.words import fill, words

MALFORMED = ("undisclosed-recipients", "sales@", "@nowhere.example", "not an address", "<anna@>")
UNREADABLE = ("not a date", "yesterday", "32/13/2026", "Tue, 5 May", "2026-02-30 whenever")


@dataclass(frozen=True)
class Email:
    """An e-mail as it was sent."""

    number: int
    deal: Deal
    sent: datetime
    sender: Person
    recipients: tuple[Person, ...]
    synced: datetime

    @property
    def id(self) -> str:
        """Gong's id."""
        return gong_id("email", self.number)


def make_email(random: Random, number: int, deal: Deal, at: datetime, synced: datetime | None = None) -> Email:
    """Create an e-mail between the owner of a deal and contacts of the customer."""
    guests = random.sample(deal.account.contacts, random.randint(1, 3))
    sent = at.replace(microsecond=0) + timedelta(milliseconds=random.choice((0, 0, 0, 250, 417)))
    if random.random() < 0.6:
        sender, recipients = deal.owner, tuple(guests)
    else:
        sender, recipients = guests[0], (deal.owner, *guests[1:])
    return Email(number, deal, sent, sender, recipients, synced or batch(at + timedelta(minutes=5)))


def email_rows(world: World) -> Rows:
    """All rows of e-mails, with odd rows among them."""
    random = Random(f"{world.seed} emails")
    length = (world.until - timedelta(hours=2)) - world.start
    emails = [
        make_email(random, number, random.choice(world.deals), world.start + length * random.random())
        for number in range(amount_of(600, world.scale))
    ]
    rows = plain_email_rows(emails, random)
    planter = Planter(emails, world.scale, random)
    _plant_in_emails(rows, planter, random)
    _plant_in_addresses(rows, planter, world.scale, random)
    return rows


def plain_email_rows(emails: Sequence[Email], random: Random) -> Rows:
    """The rows of the e-mails, without odd ones."""
    return {
        ("gong", "email"): [_email(email, random) for email in emails],
        ("gong", "email_sender"): [_address(email, email.sender.email) for email in emails],
        ("gong", "email_recipient"): [
            _address(email, person.email) | {"type": "to" if place == 0 else "cc"}
            for email in emails
            for place, person in enumerate(email.recipients)
        ],
    }


def _email(email: Email, random: Random) -> Row:
    thread = words()["email_threads"][email.number % len(words()["email_threads"])]
    company = email.deal.account.name
    more = {"first": email.recipients[0].first, "sender": email.sender.first, "company": company}
    return {
        "id": email.id,
        "subject": fill(thread["subject"], random, **more),
        "sent_at": email.sent,
        "body": fill(thread["body"], random, **more),
        "opportunity_id": email.deal.id,
        "message_id": f"<{gong_id('message', email.number)}@mail.{email.sender.email.partition('@')[2]}>",
        "thread_id": f"thread-{email.deal.number}-{email.number % 7}",
        "reply_to": email.sender.email if email.number % 4 == 0 else None,
        "_fivetran_synced": email.synced,
        "_fivetran_deleted": False,
    }


def _address(email: Email, address: str) -> Row:
    return {
        "email_id": email.id,
        "email_address": address,
        "_fivetran_synced": email.synced,
        "_fivetran_deleted": False,
    }


def _plant_in_emails(rows: Rows, planter: Planter[Email], random: Random) -> None:
    by_id = {row["id"]: row for row in rows["gong", "email"]}
    for email in planter.take("e-mail deleted"):
        delete(by_id[email.id])
    for email in planter.take("e-mail without opportunity"):
        by_id[email.id]["opportunity_id"] = None
    for email in planter.take("e-mail of a missing opportunity"):
        by_id[email.id]["opportunity_id"] = salesforce_id("006", MISSING + 4000 + email.number)
    for number, email in enumerate(planter.take("e-mail with an unreadable date")):
        by_id[email.id]["sent_at"] = UNREADABLE[number % len(UNREADABLE)]
    for email in planter.take("e-mail with an empty date"):
        by_id[email.id]["sent_at"] = ""
    for email in planter.take("e-mail without date"):
        by_id[email.id]["sent_at"] = None
    for email in planter.take("e-mail with a long body"):
        by_id[email.id]["body"] += "\n" + words()["long_paragraph"] * random.randint(2, 12)


def _plant_in_addresses(rows: Rows, planter: Planter[Email], scale: float, random: Random) -> None:
    senders, recipients = rows["gong", "email_sender"], rows["gong", "email_recipient"]
    unsent = {email.id for email in planter.take("e-mail without sender")}
    senders[:] = [row for row in senders if row["email_id"] not in unsent]
    unaddressed = {email.id for email in planter.take("e-mail without recipients")}
    recipients[:] = [row for row in recipients if row["email_id"] not in unaddressed]
    for email in planter.take("e-mail with a recipient twice"):
        again = email.recipients[0].email
        recipients.append(_address(email, again.upper() if email.number % 2 else again.title()) | {"type": "cc"})
    for number, email in enumerate(planter.take("e-mail with a malformed address")):
        recipients.append(_address(email, MALFORMED[number % len(MALFORMED)]) | {"type": "bcc"})
    for row in Planter(senders, scale, random).take("sender deleted"):
        delete(row)
    for row in Planter(recipients, scale, random).take("recipient deleted"):
        delete(row)
