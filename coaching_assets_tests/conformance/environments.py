"""The environments in which the suite runs, as data: a further one is one entry, and perhaps a script."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SCRIPTS = Path(__file__).with_name("scripts")


@dataclass(frozen=True)
class Environment:
    """How an application's database differs from one that `coaching init-db` creates.

    `before` and `after` name files in `scripts/`. They run in the application's schema: those of `before` once the
    application's tables exist, those of `after` once the tables exist that depend on them.
    """

    name: str
    schema: str = "public"
    is_turkish: bool = False
    has_least_rights: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of the database, with their values as SQL."""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @staticmethod
    def script(name: str) -> str:
        """The statements of a script."""
        return (SCRIPTS / f"{name}.sql").read_text(encoding="utf-8")


ENVIRONMENTS = (
    Environment(
        "least rights, row-level security and a publication",
        has_least_rights=True,
        after=("row_security", "publication"),
    ),
    Environment(
        "partitions, generated and identity columns, and an upper-case schema",
        schema="Coaching",
        has_least_rights=True,
        before=("partitions", "columns"),
        after=("publication",),
    ),
    Environment(
        "Turkish, with functions in a schema of the database's search path, as a member of the tables' owner",
        schema="coaching",
        is_turkish=True,
        has_least_rights=True,
        settings={"search_path": "coaching, extensions"},
        before=("extensions",),
        after=("owner",),
    ),
    Environment(
        "short timeouts and an empty search path",
        settings={
            "statement_timeout": "'20s'",
            "lock_timeout": "'2s'",
            "idle_session_timeout": "'500ms'",
            "idle_in_transaction_session_timeout": "'2s'",
            "search_path": "''",
        },
    ),
)
