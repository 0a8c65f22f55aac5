"""The error rules: which cause an error has, whether a retry may help, and what the user reads."""

import pytest
from psycopg2 import OperationalError

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.errors import ERROR_RULES, CannotConnect, error_rule_for, explain, is_transient
from coaching_assets.postgres.retries import retried
from coaching_assets.settings import Settings


class StatedError(Exception):
    """An error with a SQLSTATE, as psycopg2 and ADBC raise it."""

    def __init__(self, state: str, message: str = "it broke", field: str = "pgcode") -> None:
        super().__init__(message)
        setattr(self, field, state)


class DltError(Exception):
    """dlt keeps the error of a load job in a field."""

    def __init__(self, client_exception: Exception) -> None:
        super().__init__("job failed")
        self.client_exception = client_exception


TRANSIENT = (
    "55P03",
    "40P01",
    "40001",
    "CS001",
    "CS002",
    "53300",
    "57P01",
    "57P02",
    "57P03",
    "57P05",
    "25P03",
    "08000",
    "08001",
)
TRANSIENT += ("08003", "08004", "08006", "08P01")
FINAL = ("25006", "53100", "42501", "57014", "53200")

TEXTS = {
    "cannot execute INSERT in a read-only transaction": "Postgres is read-only",
    "could not extend file: No space left on device": "no disk space left",
    "out of shared memory": "lock table is full",
    "unsupported startup parameter in options: lock_timeout": "connection pooler",
    "permission denied for table calls": "lacks a right",
    "canceling statement due to statement timeout": "cancelled a statement",
    "out of memory": "out of memory",
    "canceling statement due to lock timeout": "kept rows or a table locked",
    "deadlock detected": "deadlock",
    "3 of 7 rows are left in the staging table": "lost staged rows",
    'the session that held the lock "replica gongio_ft" has ended': "ended in every attempt",
    "sorry, too many clients already": "too many connections",
    "server closed the connection unexpectedly": "The connection to Postgres broke",
    "SSL SYSCALL error: EOF detected": "The connection to Postgres broke",
    "the database system is starting up": "The connection to Postgres broke",
}


@pytest.mark.parametrize("state", [*TRANSIENT, *FINAL])
@pytest.mark.parametrize("field", ["pgcode", "sqlstate"])
def test_a_rule_is_found_by_sqlstate(state: str, field: str) -> None:
    error = StatedError(state, field=field)
    assert error_rule_for(error) is not None
    assert is_transient(error) == (state in TRANSIENT)


def test_the_table_covers_every_sqlstate_of_the_rules() -> None:
    assert {state for rule in ERROR_RULES for state in rule.states} == {*TRANSIENT, *FINAL}


@pytest.mark.parametrize("text", TEXTS)
def test_a_rule_is_found_by_text(text: str) -> None:
    sentence = explain(OperationalError(text))
    assert sentence is not None
    assert TEXTS[text] in sentence
    assert sentence.endswith(f"({text})")


def test_the_text_of_an_error_from_elsewhere_is_not_read() -> None:
    assert explain(ValueError("out of memory")) is None
    assert not is_transient(ValueError("connection refused"))


def test_a_sqlstate_counts_more_than_a_text() -> None:
    error = OperationalError("connection refused")
    error.__cause__ = StatedError("53100")
    assert not is_transient(error)


def test_the_cause_is_found_through_dlt() -> None:
    assert is_transient(DltError(StatedError("40001")))


def test_a_cycle_of_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert explain(first) is None


def test_an_error_with_its_own_sentence_keeps_it() -> None:
    error = ValueError("wrapped")
    error.__cause__ = CoachingError("Do this.")
    assert explain(error) == "Do this."


def test_connect_is_not_retried_twice() -> None:
    error = CannotConnect("no")
    error.__cause__ = OperationalError("connection refused")
    assert not is_transient(error)


@pytest.mark.parametrize(("state", "attempts"), [("40001", 3), ("53100", 1)])
def test_only_a_transient_error_is_retried(state: str, attempts: int) -> None:
    tried, notified = [], []

    def action() -> None:
        tried.append(state)
        raise StatedError(state)

    with pytest.raises(StatedError):
        retried(Settings(postgres_retries=2, postgres_retry_seconds=0.001), action, notified.append)
    assert (len(tried), len(notified)) == (attempts, attempts - 1)
    assert all(sentence.startswith("Postgres: deadlock detected. Trying again in ") for sentence in notified)
