"""Tables of the application whose rows depend on published ones, one per shape of foreign key."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("dependents")
SEPARATOR = "-- row\n"


@dataclass(frozen=True)
class Dependent:
    """The statements that create the tables, and those that add a row which depends on the call `%(call)s`.

    `%(other)s` is a call that is not deleted.
    """

    name: str
    tables: str
    row: str


def dependents() -> list[Dependent]:
    """All shapes, from the files of `dependents/`: a further one is one file."""
    return [_read(file) for file in sorted(FOLDER.glob("*.sql"))]


def _read(file: Path) -> Dependent:
    tables, _, row = file.read_text(encoding="utf-8").partition(SEPARATOR)
    return Dependent(file.stem, tables, row)
