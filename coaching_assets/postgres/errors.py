"""Errors of Postgres: a table of rules that maps each to one sentence with a remedy."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from coaching_assets.errors import CoachingError


class CannotConnect(CoachingError):
    """Postgres refuses the connection or does not answer; the message names the setting and the remedy."""


@dataclass(frozen=True)
class ErrorRule:
    """A cause of errors. It is recognized by SQLSTATE, or by a text if an error has no SQLSTATE."""

    states: frozenset[str]
    texts: tuple[str, ...]
    sentence: str
    transient: bool = False
    """Whether a retry may succeed."""
    server_wide: bool = True
    """Whether the cause concerns the server, not one table."""
    needs_text: bool = False
    """Whether an error needs one of the texts beside its SQLSTATE, because other causes share that."""


def _states(*states: str) -> frozenset[str]:
    return frozenset(states)


# https://www.postgresql.org/docs/current/errcodes-appendix.html
ERROR_RULES = (
    ErrorRule(
        _states("25006"),
        ("read-only transaction", "cannot execute"),
        "Postgres is read-only: a standby, or a former primary. Point DATABASE_URL at the server that accepts writes.",
    ),
    ErrorRule(
        _states("53100"),
        ("no space left on device", "could not extend file"),
        "Postgres has no disk space left. Add or free disk space; the next sync continues from there.",
    ),
    ErrorRule(
        _states(),
        ("unsupported startup parameter", "unsupported options startup parameter"),
        "A connection pooler in front of Postgres rejects session settings. Point DATABASE_URL at the direct host.",
    ),
    ErrorRule(
        _states("42501"),
        ("row-level security policy",),
        "Row-level security hides rows from the database user. A sync would take them for absent, so it stops."
        " `coaching doctor` lists the tables. Run: alter role … bypassrls.",
        server_wide=False,
        needs_text=True,
    ),
    ErrorRule(
        _states("42501"),
        ("permission denied for", "must be owner of"),
        "The database user lacks a right. `coaching doctor` lists the rights that a sync needs, with the grants.",
        server_wide=False,
    ),
    ErrorRule(
        _states("57014"),
        ("canceling statement due to statement timeout", "canceling statement due to user request"),
        "Postgres cancelled a statement: somebody called pg_cancel_backend, or a function of the application sets"
        " statement_timeout. A sync runs without the database's timeouts; the next one tries again.",
        server_wide=False,
    ),
    ErrorRule(
        _states("53200"),
        ("out of shared memory", "max_locks_per_transaction"),
        "Postgres's lock table is full, which also stops the application's statements. Find the session with the most"
        " locks in pg_locks. Raise max_locks_per_transaction, and restart Postgres.",
        needs_text=True,
    ),
    ErrorRule(
        _states("53200"),
        ("out of memory",),
        "Postgres is out of memory. Lower PUBLISH_BATCH_SIZE, or give Postgres more memory.",
    ),
    ErrorRule(
        _states("55P03"),
        ("canceling statement due to lock timeout",),
        "Another transaction kept rows or a table locked during every attempt. pg_stat_activity shows it; the next sync"
        " tries again.",
        transient=True,
    ),
    ErrorRule(
        _states("40P01", "40001"),
        ("deadlock detected", "could not serialize access"),
        "Postgres cancelled the sync's transaction to resolve a deadlock, in every attempt. The next sync tries again.",
        transient=True,
    ),
    ErrorRule(
        _states("CS001"),  # this project's own: coaching_sync.count_staged raises it
        ("are left in the staging table",),
        "A crash of Postgres lost staged rows before they were merged. The next sync reads them again.",
        transient=True,
    ),
    ErrorRule(
        _states("CS002"),  # this project's own: coaching_sync.require_load_lock raises it
        ("the session that held the lock",),
        "The session that holds the lock on loading ended in every attempt, so nothing was written without it. Check"
        " whether Postgres restarts or suspends, and whether a load balancer cuts connections.",
        transient=True,
    ),
    ErrorRule(
        _states("53300"),
        ("too many clients", "too many connections", "remaining connection slots"),
        "Postgres has too many connections. Close some, or raise max_connections.",
        transient=True,
    ),
    ErrorRule(
        _states("57P01", "57P02", "57P03", "57P05", "25P03", "08000", "08001", "08003", "08004", "08006", "08P01"),
        (
            *("server closed the connection", "connection already closed", "connection has been closed"),
            *("terminating connection", "connection refused", "connection reset", "connection timed out"),
            *("could not receive data", "could not send data", "no connection to the server", "timeout expired"),
            *("starting up", "shutting down", "recovery mode", "not yet accepting", "lost synchronization"),
            *("ssl syscall error", "unexpected eof", "connection not open", "cursor already closed", "broken pipe"),
        ),
        "The connection to Postgres broke in every attempt. Check whether Postgres restarts and whether the network is"
        " stable. The next sync continues from the last commit.",
        transient=True,
    ),
)


# https://www.postgresql.org/docs/current/errcodes-appendix.html. An application's functions can raise any state.
# Those that begin with a digit up to 5, with F, H, P or X are Postgres's own; all others are the application's.
ROW_ERROR_CLASSES = {
    "09": "triggered action",
    "20": "case not found",
    "21": "cardinality violation",
    "22": "data exception, such as a value that is too long or out of range",
    "23": "constraint violation",
    "27": "triggered data change violation",
    "2F": "exception in an SQL function",
    "38": "exception in an external function",
    "39": "wrong result of a trigger function",
    "44": "check option of a view",
    "45": "application's own, by a common convention",
    "54": "program limit, such as an index row that is too large",
    "P": "raised by a PL/pgSQL function",
    "[6-9A-EGI-OQ-WYZ]": "application's own",
}
"""Classes of SQLSTATE, as patterns of their first characters, of errors that one row causes and others do not share."""

ROW_ERROR = f"^({'|'.join(ROW_ERROR_CLASSES)})"
"""Pattern of the SQLSTATEs of `ROW_ERROR_CLASSES`, for Python and for Postgres."""

LOCK_ERROR = "^(55P03|40P01)"
"""Pattern of the SQLSTATEs of a lock that another transaction holds: a timeout, or a deadlock."""


def concerns_row(error: BaseException) -> bool:
    """Return whether an error belongs to a row that Postgres rejects, and not to a server or a table."""
    return re.match(ROW_ERROR, _state(error)) is not None


def concerns_lock(error: BaseException) -> bool:
    """Return whether another transaction holds a lock that the statement needs."""
    return re.match(LOCK_ERROR, _state(error)) is not None


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes. dlt stores some of them in a field of its own."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = getattr(link, "client_exception", None) or link.__cause__ or link.__context__


def has_state(error: BaseException, state: str) -> bool:
    """Return whether the error or one of its causes has this SQLSTATE."""
    return any(_state(link) == state for link in chain(error))


def error_rule_for(error: BaseException) -> ErrorRule | None:
    """Find the rule that an error matches: by SQLSTATE, else by the text of errors from a database.

    Returns:
        None if no rule matches or the error does not come from Postgres.
    """
    links = list(chain(error))
    for link in filter(_state, links):
        for rule in ERROR_RULES:
            if _state(link) in rule.states and (not rule.needs_text or _has_text(rule, link)):
                return rule
    for link in filter(_comes_from_postgres, links):
        for rule in ERROR_RULES:
            if _has_text(rule, link):
                return rule
    return None


def is_transient(error: BaseException) -> bool:
    """Return whether a retry may succeed. `connect` retries by itself, so its error is final."""
    if any(isinstance(link, CannotConnect) for link in chain(error)):
        return False
    rule = error_rule_for(error)
    return rule is not None and rule.transient


def explain(error: BaseException) -> str | None:
    """Describe an error of Postgres in one sentence, with the remedy and Postgres's message.

    Returns:
        None if no rule matches.
    """
    for link in chain(error):
        if isinstance(link, CoachingError):
            return str(link)
    rule = error_rule_for(error)
    if rule is None:
        return None
    message = next((str(link).strip() for link in reversed(list(chain(error))) if _comes_from_postgres(link)), "")
    first_line = message.splitlines()[0] if message else ""
    return f"{rule.sentence} ({first_line})" if first_line else rule.sentence


def _state(error: BaseException) -> str:
    return str(getattr(error, "pgcode", None) or getattr(error, "sqlstate", None) or "")


def _comes_from_postgres(error: BaseException) -> bool:
    module = type(error).__module__
    return module.startswith(("psycopg2", "adbc_driver_manager", "dlt.destinations", "dlt.load"))


def _has_text(rule: ErrorRule, error: BaseException) -> bool:
    text = str(error).lower()
    return any(words in text for words in rule.texts)
