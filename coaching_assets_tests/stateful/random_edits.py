"""The steps of the stateful test, by name, with what each is given by chance: for runs that go by the clock."""

import random
from collections.abc import Callable

from coaching_assets.demo.sample import TABLES
from coaching_assets_tests.stateful import application
from coaching_assets_tests.stateful.machine import ARRIVALS, INDEXES, Sequence
from coaching_assets_tests.stateful.values import ADDRESSES, COLUMNS, NUMBERS, VARIES

CELLS = [(key, column) for key, columns in COLUMNS.items() for column in columns]


def _place(chance: random.Random) -> int:
    return chance.randrange(200)


def _late(chance: random.Random) -> float:
    return chance.choice((0.0, 0.0, 0.3, 1.0))


EDITS: dict[str, Callable[[random.Random], dict[str, object]]] = {
    "edit": lambda r: {"cell": r.choice(CELLS), "place": _place(r), "choice": _place(r), "late": _late(r)},
    "delete_or_undelete": lambda r: {
        "key": r.choice(TABLES),
        "place": _place(r),
        "late": _late(r),
        "deleted": r.random() < 0.5,
    },
    "delete_a_call": lambda r: {"place": _place(r), "late": _late(r)},
    "arrive": lambda r: {
        "sort": r.choice(sorted(ARRIVALS)),
        "place": _place(r),
        "mask": r.randrange(256),
        "late": _late(r),
    },
    "write_an_email": lambda r: {
        "place": _place(r),
        "mask": r.randrange(256),
        "late": _late(r),
        "address": r.choice(ADDRESSES),
        "new": r.random() < 0.5,
    },
    "say_one_more_thing": lambda r: {"place": _place(r), "index": r.choice(INDEXES), "late": _late(r)},
    "deliver_what_was_withheld": lambda r: {"late": _late(r)},
    "reimport": lambda r: {"keys": {r.choice(TABLES)}},
    "change_a_type": lambda r: {"column": r.choice(sorted(VARIES)), "choice": _place(r)},
    "add_a_header": lambda r: {"name": r.choice(("importance", "labels", "opened_at")), "number": r.choice(NUMBERS)},
    "application_writes": lambda r: {"what": r.choice(sorted(application.WRITES)), "place": _place(r)},
}
"""Tables do not disappear: of one that is not at the source, nothing brings back a replica that is lost."""


def edit(sequence: Sequence, chance: random.Random) -> str:
    """One step; its name."""
    rule, draw = chance.choice(list(EDITS.items()))
    getattr(sequence, rule)(**draw(chance))
    return rule
