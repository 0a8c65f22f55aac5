"""Copies batches of which Postgres refuses some rows: finds these rows, and copies the others."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coaching_assets.postgres.errors import concerns_row, has_state

if TYPE_CHECKING:
    from adbc_driver_manager import Error
    from pyarrow import RecordBatch

MOST_ROWS = 8192
"""Rows per attempt while none is refused."""

FEWEST_ROWS = 16
"""Rows per attempt if every few rows one is refused. An attempt costs about as much as copying 100 rows."""

CULPRIT = re.compile(r"COPY .+, line (\d+), column (.+)")
"""Postgres's context if a type's input function refuses a value. A translated message costs time, but no more."""

UNWRITTEN = re.compile(r"Error occurred writing COPY data:\s*")
"""ADBC's message if it cannot write a value in binary form. The connection is of no further use then."""

FIRST_TIMESTAMP = -(2**63) + 946_684_800_000_000
"""Microseconds from 1970 to the first time that ADBC can write. It counts from 2000, as Postgres does, in 64 bits."""

PROTOCOL_VIOLATION = "08P01"
"""Raised by input functions of binary values, too."""


@dataclass(frozen=True)
class Cause:
    """Why Postgres refuses a row. `column` is None if the row as a whole does not fit, or if it is not known."""

    message: str
    sqlstate: str
    column: str | None
    constraint: str | None


@dataclass(frozen=True)
class Refused:
    """A refused row, as a batch of one row."""

    row: "RecordBatch"
    cause: Cause


def refuses_rows(error: BaseException) -> bool:
    """Return whether rows may be to blame for an error of COPY."""
    return concerns_row(error) or has_state(error, PROTOCOL_VIOLATION)


def lacks_binary_form(error: BaseException) -> bool:
    """Return whether ADBC could not write a value, so that Postgres never saw it."""
    return UNWRITTEN.search(str(error)) is not None and UNWRITTEN.split(str(error))[-1] == ""


class Isolation:
    """One copy that leaves out the rows that Postgres refuses.

    If an error names a column of text, all its values are checked at once. If it names another column, the attempt is
    repeated without the row. Otherwise it is halved until the row is alone. Attempts adapt their size to the distance
    between refused rows.
    """

    def __init__(
        self,
        attempt: "Callable[[RecordBatch], Error | None]",
        check: "Callable[[RecordBatch, str], Mapping[int, Cause]] | None" = None,
    ) -> None:
        """Prepare the copy.

        Args:
            attempt: copies a batch and returns None, or copies nothing and returns an error that `refuses_rows`.
            check: returns the places in a batch, from 0, of the values of a column of text that Postgres refuses.
        """
        self._attempt = attempt
        self._check = check
        self._size = MOST_ROWS

    def copy(self, batches: "Iterable[RecordBatch]") -> "Iterator[list[Refused]]":
        """Copy batches, and yield the refused rows of each, in order."""
        for batch in batches:
            writable, refused = _without_unwritable(batch)
            yield [*refused, *self._copy(writable, set())]

    def _copy(self, batch: "RecordBatch", checked: set[str]) -> Iterator[Refused]:
        position = suspect_until = 0  # a refused row is between the two
        while position < batch.num_rows:
            size = (suspect_until - position) // 2 if position < suspect_until else self._size
            rows = batch.slice(position, max(size, 1))
            error = self._attempt(rows)
            if error is None:
                self._size = min(2 * self._size, MOST_ROWS) if position >= suspect_until else self._size
                position += rows.num_rows
                continue
            if self._is_checkable(batch, column := column_of(error)) and column not in checked:
                checked.add(column)
                fitting, refused = self._checked(batch.slice(position), column)
                yield from refused
                yield from self._copy(fitting, checked)
                return
            if rows.num_rows == 1:
                yield Refused(rows, cause_of(error))
                position = suspect_until = position + 1
                continue
            place = culprit_of(error)
            if place is not None and place < rows.num_rows:
                yield from self._around(rows, place, checked)
                position = suspect_until = position + place + 1
                continue
            if position >= suspect_until:
                self._size = max(self._size // 2, FEWEST_ROWS)
            suspect_until = position + rows.num_rows

    def _around(self, rows: "RecordBatch", place: int, checked: set[str]) -> Iterator[Refused]:
        """Copy the rows up to a place that an error names. The place is only probable, so each part is tried."""
        for part in (rows.slice(0, place), rows.slice(place, 1)):
            yield from self._copy(part, checked)
        self._size = min(max(2 * place, FEWEST_ROWS), MOST_ROWS)

    def _is_checkable(self, batch: "RecordBatch", column: str) -> bool:
        import pyarrow as pa

        if self._check is None or batch.schema.get_field_index(column) < 0:
            return False
        kind = batch.schema.field(column).type
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))

    def _checked(self, batch: "RecordBatch", column: str) -> "tuple[RecordBatch, list[Refused]]":
        import pyarrow as pa

        assert self._check is not None
        causes = self._check(batch, column)
        fits = pa.array([place not in causes for place in range(batch.num_rows)], pa.bool_())
        return batch.filter(fits), [Refused(batch.slice(place, 1), cause) for place, cause in causes.items()]


def _without_unwritable(batch: "RecordBatch") -> "tuple[RecordBatch, list[Refused]]":
    """Take out the rows with a timestamp that ADBC cannot write."""
    import pyarrow as pa
    import pyarrow.compute as pc

    refused: list[Refused] = []
    for name in [field.name for field in batch.schema if pa.types.is_timestamp(field.type) and field.type.unit == "us"]:
        early = pc.fill_null(pc.less(batch[name].view(pa.int64()), FIRST_TIMESTAMP), fill_value=False)
        cause = Cause(named("timestamp out of range", name), "22008", name, None)
        refused += [Refused(batch.slice(place, 1), cause) for place in pc.indices_nonzero(early).to_pylist()]
        batch = batch.filter(pc.invert(early)) if refused else batch
    return batch, refused


def culprit_of(error: "Error") -> int | None:
    """Return the place of the row whose value Postgres names, from 0; None if it names none."""
    found = _culprit(error)
    return int(found[1]) - 1 if found else None


def column_of(error: "Error") -> str:
    """Return the column whose value Postgres names; empty if it names none."""
    found = _culprit(error)
    return found[2] if found else ""


def cause_of(error: "Error") -> Cause:
    """Take Postgres's words from an error of COPY."""
    found = _culprit(error)
    message = _detail(error, "PG_DIAG_MESSAGE_PRIMARY") or str(error).strip().splitlines()[0]
    return Cause(
        named(message, found[2]) if found else message,
        error.sqlstate or "",
        found[2] if found else None,
        _detail(error, "PG_DIAG_CONSTRAINT_NAME"),
    )


def named(message: str, column: str) -> str:
    """Add the column to Postgres's message about a value."""
    return f'{message} (column "{column}")'


def _culprit(error: "Error") -> re.Match[str] | None:
    # the innermost context comes first, and may quote the value
    lines = (_detail(error, "PG_DIAG_CONTEXT") or "").splitlines()
    return CULPRIT.fullmatch(lines[-1]) if lines else None


def _detail(error: "Error", name: str) -> str | None:
    # the keys are bytes, although they are declared as text
    details: dict[str | bytes, bytes] = dict(error.details)
    value = details.get(name.encode(), details.get(name))
    return None if value is None else value.decode(errors="replace")
