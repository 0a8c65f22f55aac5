"""The company's people, its customers with their contacts, and the deals."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random

from coaching_assets.demo.sample.ids import gong_id, salesforce_id
from coaching_assets.demo.sample.words import words

COMPANY_DOMAIN = "northbeam.example"
DAYS = 182

STAGES = (
    ("Qualification", 10),
    ("Discovery", 20),
    ("Solution Fit", 40),
    ("Proposal", 60),
    ("Negotiation", 80),
    ("Closed Won", 100),
)
LOST = ("Closed Lost", 0)
PROBABILITY = dict((*STAGES, LOST))
OPEN_STAGES = tuple(name for name, probability in STAGES if probability < 100)


@dataclass(frozen=True)
class Person:
    """A person with a name and an address. `number` is None for everybody but the company's users."""

    first: str
    last: str
    email: str
    title: str
    number: int | None = None

    @property
    def name(self) -> str:
        """The full name."""
        return f"{self.first} {self.last}"

    @property
    def gong_user_id(self) -> str | None:
        """Gong's id; None unless the person is a user of the company."""
        return None if self.number is None else gong_id("user", self.number)


@dataclass(frozen=True)
class Account:
    """A customer with its contacts."""

    number: int
    name: str
    domain: str
    industry: str
    contacts: tuple[Person, ...]

    @property
    def id(self) -> str:
        """Salesforce's id."""
        return salesforce_id("001", self.number)


@dataclass(frozen=True)
class Deal:
    """An opportunity with its stages so far, each with the time at which it began."""

    number: int
    name: str
    account: Account
    owner: Person
    type: str
    amount: float
    first_amount: float
    close: date
    stages: tuple[tuple[str, datetime], ...]

    @property
    def id(self) -> str:
        """Salesforce's id."""
        return salesforce_id("006", self.number)


@dataclass(frozen=True)
class World:
    """All people and deals of a sample; the same for the same arguments."""

    scale: float
    seed: int
    until: datetime

    @property
    def start(self) -> datetime:
        """The start of the period: half a year before its end."""
        return self.until - timedelta(days=DAYS)

    @cached_property
    def users(self) -> tuple[Person, ...]:
        """The company's people."""
        random = Random(f"{self.seed} users")
        seen: set[str] = set()
        return tuple(
            _person(random, COMPANY_DOMAIN, random.choice(words()["company_titles"]), seen, number)
            for number in range(amount_of(25, self.scale))
        )

    @cached_property
    def accounts(self) -> tuple[Account, ...]:
        """The customers."""
        random = Random(f"{self.seed} accounts")
        return tuple(account(random, number) for number in range(amount_of(60, self.scale)))

    @cached_property
    def deals(self) -> tuple[Deal, ...]:
        """The opportunities."""
        random = Random(f"{self.seed} deals")
        return tuple(
            deal(random, number, random.choice(self.accounts), random.choice(self.users), self.start, self.until)
            for number in range(amount_of(90, self.scale))
        )


def amount_of(at_scale_1: int, scale: float) -> int:
    """Scale a count; at least five, so that even a tiny sample has some of everything."""
    return max(5, round(at_scale_1 * scale))


def account(random: Random, number: int) -> Account:
    """Create the customer of a number, with three to six contacts."""
    names, suffixes = words()["companies"], words()["company_suffixes"]
    name = names[number % len(names)]
    suffix = suffixes[number // len(names) % len(suffixes)]
    generation = number // (len(names) * len(suffixes))
    name = " ".join(filter(None, (name, suffix, str(generation + 1) if generation else "")))
    domain = f"{_plain(name, '-')}.example"
    seen: set[str] = set()
    contacts = tuple(
        _person(random, domain, random.choice(words()["customer_titles"]), seen) for _ in range(random.randint(3, 6))
    )
    return Account(number, name, domain, random.choice(words()["industries"]), contacts)


def deal(random: Random, number: int, customer: Account, owner: Person, start: datetime, until: datetime) -> Deal:
    """Create a deal that began between two times and has reached a random stage since."""
    began = start + (until - start) * random.random() * 0.85
    reached = random.randint(1, len(STAGES))
    names = [name for name, _ in STAGES[:reached]]
    if reached > 1 and random.random() < 0.2:
        names[-1] = LOST[0]
    step = (until - began - timedelta(hours=6)) / (reached + 1)
    stages = tuple(
        (
            (name, (began + step * place * random.uniform(0.85, 1.0)).replace(microsecond=0))
            for place, name in enumerate(names)
        )
    )
    amount = round(random.lognormvariate(10.6, 0.7) / 500) * 500.0 + random.choice((0.0, 0.0, 0.0, 99.9, 250.5))
    ended = names[-1] in (LOST[0], "Closed Won")
    close = stages[-1][1].date() if ended else (until + timedelta(days=random.randint(5, 120))).date()
    return Deal(
        number,
        f"{customer.name} \N{EN DASH} {random.choice(words()['deal_names'])}",
        customer,
        owner,
        random.choice(words()["deal_types"]),
        amount,
        first_amount=amount if random.random() < 0.6 else amount + 5000.0,
        close=close,
        stages=stages,
    )


def _person(random: Random, domain: str, title: str, seen: set[str], number: int | None = None) -> Person:
    while True:
        first, last = random.choice(words()["first_names"]), random.choice(words()["last_names"])
        local = f"{_plain(first, '')}.{_plain(last, '')}"
        if local in seen and len(seen) > 400:
            local += str(len(seen))
        if local not in seen:
            seen.add(local)
            return Person(first, last, f"{local}@{domain}", title, number)


def _plain(text: str, joined_by: str) -> str:
    spelled = text.lower().replace("ü", "ue").replace("ö", "oe").replace("ä", "ae").replace("ø", "oe")
    ascii_text = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", joined_by, ascii_text).strip(joined_by)
