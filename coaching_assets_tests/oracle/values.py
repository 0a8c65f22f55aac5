"""How single source values are read: times, numbers, sentences, names. Registered with DuckDB as functions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import duckdb
from duckdb.sqltypes import DATE, DOUBLE, INTEGER, TIMESTAMP, VARCHAR, DuckDBPyType

BLANKS = " \t\n\r\f\v"
INT32 = range(-(2**31), 2**31)
EXACT = Context(prec=100, rounding=ROUND_HALF_UP)

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))?",
    re.ASCII,
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


def as_time(text: str | None) -> datetime | None:
    """An RFC 3339 time in UTC, without a zone, to the nearest microsecond; None where the text is none."""
    match = _TIME.fullmatch((text or "").strip(BLANKS))
    if match is None:
        return None
    day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    if int(second) > 60 or int(offset_hours or 0) > 23 or int(offset_minutes or 0) > 59:
        return None
    micros = int((Decimal(f"0.{fraction or 0}") * 1_000_000).to_integral_value(ROUND_HALF_UP))
    offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    try:
        local = datetime.fromisoformat(day).replace(hour=int(hour), minute=int(minute))
        local += timedelta(seconds=int(second), microseconds=micros)
        return local + offset if sign == "-" else local - offset
    except (ValueError, OverflowError):
        return None


def as_day(text: str | None) -> date | None:
    """A date, or of a time its day in UTC; None where the text is neither."""
    trimmed = (text or "").strip(BLANKS)
    if _DAY.fullmatch(trimmed):
        try:
            return date.fromisoformat(trimmed)
        except ValueError:
            return None
    time = as_time(trimmed)
    return time.date() if time else None


def as_number(text: Any) -> Decimal | None:
    """A finite number, exactly; None where the value is none."""
    if text is None or isinstance(text, bool):
        return None
    trimmed = str(text).strip(BLANKS)
    return Decimal(trimmed) if _NUMBER.fullmatch(trimmed) else None


def rounded(number: Decimal | None, scale: int, digits: int) -> Decimal | None:
    """The number as a `decimal(digits, scale)`, rounded half away from zero; None where it does not fit."""
    if number is None:
        return None
    try:
        value = number.quantize(Decimal(1).scaleb(-scale), context=EXACT)
    except InvalidOperation:
        return None
    return value if abs(value) < Decimal(10) ** (digits - scale) else None


def as_whole(text: Any) -> int | None:
    """A number rounded to a whole one of 32 bits; None where it is no number or does not fit."""
    value = rounded(as_number(text), 0, 20)
    return int(value) if value is not None and int(value) in INT32 else None


def as_index(text: str | None) -> int | None:
    """A number that is whole already, of 32 bits; None for every other text."""
    number = as_number(text)
    whole = as_whole(text)
    return whole if number == whole else None


def as_amount(text: str | None) -> Decimal | None:
    """A `decimal(15, 2)`."""
    return rounded(as_number(text), 2, 15)


def as_score(text: str | None) -> Decimal | None:
    """A `decimal(5, 2)` from 0 to 100."""
    score = rounded(as_number(text), 2, 5)
    return score if score is not None and 0 <= score <= 100 else None


def as_talk_time(text: str | None) -> Decimal | None:
    """Seconds, unrounded; None where it is no number or its whole seconds do not fit the column."""
    return rounded(as_number(text), 18, 38) if as_whole(text) is not None else None


def as_exact(text: str | None) -> float | None:
    """A number as JSON text."""
    number = as_number(text)
    return float(number) if number is not None else None


def as_share(part: Decimal | None, total: Decimal | None) -> Decimal | None:
    """100 times part / total to two decimals; None where either is missing or the total is 0."""
    if part is None or not total:
        return None
    return rounded(EXACT.divide(100 * part, total), 2, 5)


def as_sentences(text: str | None) -> dict[str, Any] | None:
    """What a monologue says, and from when until when; None where it holds no text, or begins like JSON and is none."""
    if text is None:
        return None
    if text.lstrip(BLANKS)[:1] not in ("[", "{"):
        return {"text": text, "start_ms": None, "end_ms": None} if text.strip(BLANKS) else None
    try:
        parsed = json.loads(text, parse_constant=_refuse, parse_float=str, parse_int=str)
    except ValueError:
        return None
    sentences = [s for s in (parsed if isinstance(parsed, list) else [parsed]) if isinstance(s, dict)]
    said = " ".join(s["text"] for s in sentences if isinstance(s.get("text"), str))
    if not said.strip(BLANKS):
        return None
    start, end = as_whole(sentences[0].get("start")), as_whole(sentences[-1].get("end"))
    return {"text": _SURROGATE.sub("\ufffd", said), "start_ms": start, "end_ms": end}


def opportunity_named(metadata: str | None) -> str | None:
    """The `opportunity_id` that a call's own metadata names."""
    try:
        parsed = json.loads(metadata or "null", parse_int=str)
    except ValueError:
        return None
    named = parsed.get("opportunity_id") if isinstance(parsed, dict) else None
    return _SURROGATE.sub("\ufffd", named) if isinstance(named, str) and named else None


def name_from_address(address: str | None) -> str | None:
    """`brian.r@x` → `Brian R`; None where nothing is left."""
    parts = re.split(r"[\W_]+", (address or "").partition("@")[0])
    return " ".join(part[0].upper() + part[1:].lower() for part in parts if part) or None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the functions above known to SQL under their own names."""
    sentences = duckdb.struct_type({"text": VARCHAR, "start_ms": INTEGER, "end_ms": INTEGER})
    exact = duckdb.decimal_type(38, 18)
    percent = duckdb.decimal_type(5, 2)
    functions: tuple[tuple[Callable[..., Any], list[DuckDBPyType], DuckDBPyType], ...] = (
        (as_time, [VARCHAR], TIMESTAMP),
        (as_day, [VARCHAR], DATE),
        (as_whole, [VARCHAR], INTEGER),
        (as_index, [VARCHAR], INTEGER),
        (as_amount, [VARCHAR], duckdb.decimal_type(15, 2)),
        (as_score, [VARCHAR], percent),
        (as_talk_time, [VARCHAR], exact),
        (as_exact, [VARCHAR], DOUBLE),
        (as_share, [exact, exact], percent),
        (as_sentences, [VARCHAR], sentences),
        (opportunity_named, [VARCHAR], VARCHAR),
        (name_from_address, [VARCHAR], VARCHAR),
    )
    for function, parameters, result in functions:
        connection.create_function(function.__name__, function, parameters, result, null_handling="special")
