"""By which columns a source row tells whom or what it is about, so that a call, a deal or a person can be erased."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

IdentityKind = Literal["call", "opportunity", "address", "email", "user", "owner", "participant", "speaker"]


@dataclass(frozen=True)
class Identity:
    """Columns of a source table whose values together name something that can be erased.

    A row goes where one of its identities is erased. One that `reveals` is then erased as well, so that what belongs
    together goes together: an address leads by the participant to the speaker, and so to the monologues. Of a JSON
    column, `member` is the one that holds the value. With `value_only` the column is emptied and the row stays.
    """

    kind: IdentityKind
    columns: tuple[str, ...]
    reveals: bool = False
    member: str | None = None
    value_only: bool = False


def as_json(identities: Sequence[Identity]) -> str:
    """The identities as the SQL functions take them."""
    return json.dumps([asdict(identity) for identity in identities])
