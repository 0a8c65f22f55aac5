"""The number of odd rows of each kind in a sample, and the choice of rows."""

from collections.abc import Iterable
from random import Random
from typing import Generic, TypeVar

LARGEST_SHARE = 5
"""In a small sample, at most one item in this many is of one odd kind."""

Item = TypeVar("Item")

PLANTED: dict[str, int] = {
    # calls
    "call in two workspaces": 15,
    "call deleted": 6,
    "call deleted in one of two workspaces": 2,
    "call without scheduled": 12,
    "call with an odd title": 12,
    "call with metadata": 10,
    "call with metadata of a missing opportunity": 2,
    # speakers and participants
    "speaker deleted": 5,
    "speaker without participant": 5,
    "participant deleted": 5,
    "participant without name": 12,
    "participant without name and address": 6,
    "participant of unknown affiliation": 12,
    "participant from the company of unknown affiliation": 4,
    # transcripts
    "transcript deleted": 40,
    "transcript in plain text": 25,
    "transcript with an odd sentence": 60,
    "transcript of an unknown speaker": 15,
    "transcript without sentence": 3,
    "transcript with broken JSON": 3,
    "transcript with an index that is not a number": 3,
    "transcript without topic": 300,
    "call missing, transcript there": 2,
    # links
    "link deleted": 4,
    "link to a missing opportunity": 4,
    "link to an account": 40,
    # people
    "user deleted": 2,
    "user inactive": 3,
    # e-mails
    "e-mail deleted": 6,
    "e-mail without sender": 6,
    "e-mail without recipients": 6,
    "e-mail without opportunity": 60,
    "e-mail of a missing opportunity": 5,
    "e-mail with an unreadable date": 5,
    "e-mail with an empty date": 4,
    "e-mail without date": 3,
    "e-mail with a recipient twice": 6,
    "e-mail with a malformed address": 5,
    "e-mail with a long body": 20,
    "sender deleted": 3,
    "recipient deleted": 4,
    # deals
    "opportunity deleted": 3,
    "opportunity with an amount that is not a number": 3,
    "opportunity with an amount out of range": 3,
    "opportunity without amount": 3,
    "opportunity without account": 3,
    "opportunity of a missing account": 3,
    "opportunity without owner": 3,
    "opportunity of a missing owner": 3,
    "opportunity without name": 2,
    "account deleted": 2,
    "salesforce user deleted": 2,
    "history deleted": 3,
    "field history deleted": 3,
    "gong opportunity deleted": 3,
    "gong opportunity only": 3,
}
"""Counts at scale 1. They grow with the scale; a smaller sample has fewer only where it lacks room."""


class Planter(Generic[Item]):
    """Chooses the items that become odd, each at most once, so that no oddity hides another."""

    def __init__(self, items: Iterable[Item], scale: float, random: Random) -> None:
        self._items = list(items)
        self._scale = scale
        self._most = len(self._items) // LARGEST_SHARE
        random.shuffle(self._items)

    def take(self, kind: str) -> list[Item]:
        """Choose the items for a kind of `PLANTED`."""
        number = min(round(PLANTED[kind] * max(self._scale, 1.0)), self._most)
        taken, self._items = self._items[:number], self._items[number:]
        return taken
