"""Why Postgres refused a connection, in one sentence without the password."""

import re
from dataclasses import dataclass

import psycopg2
from psycopg2.extensions import parse_dsn

from coaching_assets.database_url import addresses


@dataclass(frozen=True)
class ConnectionFailure:
    """A cause, recognized by a pattern in libpq's message: an error without a session has no SQLSTATE."""

    pattern: str
    sentence: str


CONNECTION_FAILURES = (
    ConnectionFailure(
        "client certificate|certificate authentication failed",
        "{where} does not accept the client certificate of user {user!r} ({reason}). Set sslcert and sslkey.",
    ),
    ConnectionFailure(
        "no password supplied",
        "{where} asks for the password of user {user!r}. Add it to the URL, or set PGPASSFILE.",
    ),
    ConnectionFailure("password", "{where} rejects the password of user {user!r}. Correct user or password."),
    ConnectionFailure(
        'database ".*" does not exist', "{where} has no database {database!r}. Create it or correct the name."
    ),
    ConnectionFailure('role ".*" does not exist', "{where} has no user {user!r}. Create it or correct the name."),
    ConnectionFailure(
        "unsupported startup parameter",
        "a connection pooler in front of Postgres rejects session settings ({reason}). Point it at the direct host.",
    ),
    ConnectionFailure(
        r"invalid \w+ value|invalid port|could not match|invalid integer value|must be less than or equal",
        "Postgres's client library rejects the value of a parameter ({reason}). Correct the value.",
    ),
    ConnectionFailure(
        "session is (not )?read-only|hot standby mode",
        "no server among {where} has the state that target_session_attrs asks for ({reason}). Name the primary, too.",
    ),
    ConnectionFailure(
        "ssl|tls|certificate|private key",
        "no encrypted connection to {where} ({reason}). See docs/security.md, Encryption.",
    ),
    ConnectionFailure("", "{where} cannot be reached ({reason}). Is it running, and is the address right?"),
)


def explain_connection_failure(url: str, error: psycopg2.Error) -> str:
    """Describe in one sentence why the connection failed, without the password.

    Args:
        url: what `connection_url` returned.
        error: what libpq raised; its text has a line for each host that it tried.
    """
    parameters = parse_dsn(url)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = "; ".join(dict.fromkeys(lines)) or type(error).__name__
    failure = next(known for known in CONNECTION_FAILURES if re.search(known.pattern, reason, re.IGNORECASE))
    sentence = failure.sentence.format(
        where=addresses(parameters),
        user=parameters.get("user", ""),
        database=parameters.get("dbname", ""),
        reason=reason,
    )
    return f"DATABASE_URL: {sentence}"
