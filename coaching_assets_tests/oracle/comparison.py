"""Says in short lines where the application's tables differ from what they must hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from coaching_assets_tests.oracle.published import TABLES, Expected, Row, Rows

SPEAKER_COLUMNS = ("name", "email", "company_side", "talk_time_seconds", "talk_time_percentage")
NOTHING = object()


def differences(
    expected: Expected, actual: Expected, *, kept_calls: Collection[str] = (), limit: int = 50
) -> list[str]:
    """At most `limit` lines, such as "calls 123: title: expected 'a', got 'b'"; none where the two are equal.

    `kept_calls` are calls that are deleted at the source but had to stay: each must be there with `source_deleted_at`,
    and is not compared further.
    """
    return list(islice(_all(expected, actual, frozenset(kept_calls)), limit))


def _all(expected: Expected, actual: Expected, kept: frozenset[str]) -> Iterator[str]:
    for table in TABLES:
        wanted, found = expected.rows(table), actual.rows(table)
        if table == "calls":
            yield from _unmarked(kept, found)
        found = {key: row for key, row in found.items() if _call_of(table, key) not in kept}
        if table == "speakers":
            yield from _speakers(wanted, found)
        else:
            yield from _rows(table, wanted, found)


def _unmarked(kept: frozenset[str], found: Rows) -> Iterator[str]:
    for key in sorted(kept):
        if key not in found:
            yield f"calls {key}: missing, although it had to stay"
        elif not found[key]["metadata"].get("source_deleted_at"):
            yield f"calls {key}: metadata: expected a source_deleted_at"


def _call_of(table: str, key: Any) -> Any:
    """The call that a row belongs to; None for tables that do not hang on calls."""
    if table in ("opportunities", "emails"):
        return None
    while isinstance(key, tuple):
        key = key[0]
    return key


def _rows(table: str, wanted: Rows, found: Rows) -> Iterator[str]:
    for key in sorted(wanted.keys() | found.keys(), key=repr):
        if key not in found:
            yield f"{table} {_shown(key)}: missing"
        elif key not in wanted:
            yield f"{table} {_shown(key)}: extra"
        else:
            for column, value, got in _unequal(wanted[key], found[key]):
                yield f"{table} {_shown(key)}: {column}: expected {_short(value)}, got {_short(got)}"


def _unequal(wanted: Row, found: Row, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The columns that differ, and of JSON objects the keys."""
    for name in sorted(wanted.keys() | found.keys()):
        value, got = wanted.get(name, NOTHING), found.get(name, NOTHING)
        if isinstance(value, dict) and isinstance(got, dict):
            yield from _unequal(value, got, f"{prefix}{name}.")
        elif not _same(value, got):
            yield f"{prefix}{name}", value, got


def _same(value: Any, got: Any) -> bool:
    """Equality in which true is not 1, in JSON neither."""
    if isinstance(value, bool) != isinstance(got, bool):
        return False
    if isinstance(value, list) and isinstance(got, list):
        return len(value) == len(got) and all(map(_same, value, got))
    if isinstance(value, dict) and isinstance(got, dict):
        return value.keys() == got.keys() and all(_same(item, got[key]) for key, item in value.items())
    return bool(value == got)


def _speakers(wanted: Rows, found: Rows) -> Iterator[str]:
    """Speakers are compared as a multiset a call: the application's table has no Gong id of theirs."""
    wanted_by_call, found_by_call = _multisets(wanted), _multisets(found)
    for call in sorted(wanted_by_call.keys() | found_by_call.keys(), key=repr):
        missing = wanted_by_call[call] - found_by_call[call]
        extra = found_by_call[call] - wanted_by_call[call]
        for what, speakers in (("missing", missing), ("extra", extra)):
            for speaker in sorted(speakers.elements(), key=repr):
                yield f"speakers {call}: {what}: ({', '.join(map(_short, speaker))})"


def _multisets(rows: Rows) -> defaultdict[Any, Counter[tuple[Any, ...]]]:
    by_call: defaultdict[Any, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for (call, _), row in rows.items():
        by_call[call][tuple(row[column] for column in SPEAKER_COLUMNS)] += 1
    return by_call


def _shown(key: Any) -> str:
    return key if isinstance(key, str) else str(key)


def _short(value: Any) -> str:
    if value is NOTHING:
        return "nothing"
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
