"""What Postgres refuses: what passes by itself is tried again, and all else becomes one clear sentence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from coaching_assets.errors import CoachingError
from coaching_assets.settings import Settings

Result = TypeVar("Result")

MOST_SECONDS = 30.0
"""The longest pause between two attempts."""


class CannotConnect(CoachingError):
    """Postgres does not let us in; the message is one sentence that names the setting and the remedy."""


class PostgresRefuses(CoachingError):
    """Postgres refuses a statement; the message is one sentence, with the remedy."""


@dataclass(frozen=True)
class Refusal:
    """A reason of Postgres's, by its SQLSTATEs and, where an error comes without one, by what it says."""

    states: frozenset[str]
    says: tuple[str, ...]
    sentence: str
    passes: bool = False
    """Whether the same may work a moment later."""
    everywhere: bool = True
    """Whether it is about the server, and not about one table."""


def _states(*states: str) -> frozenset[str]:
    return frozenset(states)


# https://www.postgresql.org/docs/current/errcodes-appendix.html
REFUSALS = (
    Refusal(
        _states("25006"),
        ("read-only transaction", "cannot execute"),
        "Postgres is read-only: a standby, or a primary that another one has replaced. Point DATABASE_URL at the"
        " server that takes writes.",
    ),
    Refusal(
        _states("53100"),
        ("no space left on device", "could not extend file"),
        "Postgres has no disk space left. Add some, or delete what is not needed; the next sync goes on from there.",
    ),
    Refusal(
        _states(),
        ("unsupported startup parameter", "unsupported options startup parameter"),
        "A connection pooler stands before Postgres and does not pass on a session's settings. Point DATABASE_URL at"
        " the direct host.",
    ),
    Refusal(
        _states("42501"),
        ("permission denied for", "must be owner of"),
        "The database user lacks a right. `coaching doctor` lists what it needs, with the grants.",
        everywhere=False,
    ),
    Refusal(
        _states("57014"),
        ("canceling statement due to statement timeout", "canceling statement due to user request"),
        "Postgres cancelled a statement, by its statement_timeout or because somebody asked it to. Give the sync's user"
        " a longer one: alter role … set statement_timeout = '15min'.",
        everywhere=False,
    ),
    Refusal(
        _states("53200"),
        ("out of memory",),
        "Postgres is out of memory. Lower PUBLISH_BATCH_SIZE, or give it more.",
    ),
    Refusal(
        _states("55P03"),
        ("canceling statement due to lock timeout",),
        "Somebody else's transaction kept rows or a table locked for longer than PUBLISH_LOCK_SECONDS, again and"
        " again. pg_stat_activity shows who; the next sync tries again.",
        passes=True,
    ),
    Refusal(
        _states("40P01", "40001"),
        ("deadlock detected", "could not serialize access"),
        "Postgres resolved a deadlock with another transaction at our expense, again and again. The next sync tries"
        " again.",
        passes=True,
    ),
    Refusal(
        _states("CS001"),  # our own: count_staged raises it
        ("are left in the staging table",),
        "Postgres lost rows that were staged, for it crashed before they were merged. The next sync reads them again.",
        passes=True,
    ),
    Refusal(
        _states("53300"),
        ("too many clients", "too many connections", "remaining connection slots"),
        "Postgres has too many connections. Close some, or raise max_connections.",
        passes=True,
    ),
    Refusal(
        _states("57P01", "57P02", "57P03", "57P05", "25P03", "08000", "08001", "08003", "08004", "08006", "08P01"),
        (
            *("server closed the connection", "connection already closed", "connection has been closed"),
            *("terminating connection", "connection refused", "connection reset", "connection timed out"),
            *("could not receive data", "could not send data", "no connection to the server", "timeout expired"),
            *("starting up", "shutting down", "recovery mode", "not yet accepting", "lost synchronization"),
            *("ssl syscall error", "unexpected eof", "connection not open", "cursor already closed", "broken pipe"),
        ),
        "The connection to Postgres broke, again and again. Is it restarting, or the network unreliable? The next sync"
        " goes on from what is committed.",
        passes=True,
    ),
)


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, also where dlt passes that on by a field of its own."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = getattr(link, "client_exception", None) or link.__cause__ or link.__context__


def refusal_of(error: BaseException) -> Refusal | None:
    """Why Postgres refused; None where the error is none of Postgres's, or one that calls for no sentence of its own.

    By the SQLSTATE where any link of the chain has one, else by what the links that come from a database say.
    """
    links = list(chain(error))
    states = [str(getattr(link, "pgcode", None) or getattr(link, "sqlstate", None) or "") for link in links]
    for state in filter(None, states):
        for refusal in REFUSALS:
            if state in refusal.states:
                return refusal
    for link in links:
        if _comes_from_postgres(link):
            text = str(link).lower()
            for refusal in REFUSALS:
                if any(words in text for words in refusal.says):
                    return refusal
    return None


def passes_by_itself(error: BaseException) -> bool:
    """Whether it is worth trying again. What `connect` gave up is not: it has tried already."""
    if any(isinstance(link, CannotConnect) for link in chain(error)):
        return False
    refusal = refusal_of(error)
    return refusal is not None and refusal.passes


def explain(error: BaseException) -> str | None:
    """One sentence on what Postgres refused, and the remedy; None where there is nothing to add to the error."""
    for link in chain(error):
        if isinstance(link, CoachingError):
            return str(link)
    refusal = refusal_of(error)
    if refusal is None:
        return None
    said = next((str(link).strip() for link in reversed(list(chain(error))) if _comes_from_postgres(link)), "")
    first_line = said.splitlines()[0] if said else ""
    return f"{refusal.sentence} ({first_line})" if first_line else refusal.sentence


def retried(settings: Settings, action: Callable[[], Result], tell: Callable[[str], object] | None = None) -> Result:
    """Do it, and do it again after a pause where what Postgres refused passes by itself.

    Args:
        settings: how often, and after which pause; each is twice as long as the one before, and a little by chance.
        action: must be safe to repeat from its beginning.
        tell: is called with a sentence before each pause.
    """

    def announce(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if tell is not None and error is not None and state.next_action is not None:
            refusal = refusal_of(error)
            reason = refusal.says[0] if refusal else type(error).__name__
            tell(f"Postgres: {reason}. Trying again in {state.next_action.sleep:.1f} s.")

    first = settings.postgres_retry_seconds
    return Retrying(
        stop=stop_after_attempt(settings.postgres_retries + 1),
        wait=wait_exponential_jitter(initial=first, max=MOST_SECONDS, jitter=first),
        retry=retry_if_exception(passes_by_itself),
        before_sleep=announce,
        reraise=True,
    )(action)


def _comes_from_postgres(error: BaseException) -> bool:
    module = type(error).__module__
    return module.startswith(("psycopg2", "adbc_driver_manager", "dlt.destinations", "dlt.load"))
