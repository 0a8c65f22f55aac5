"""Each way to write a URL, in each of the three clients; and what a wrong one is answered."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from adbc_driver_postgresql import dbapi
from dlt.common.schema import Schema
from dlt.destinations.impl.postgres.postgres import PostgresClient

from coaching_assets.postgres.connection import connect, connection_url
from coaching_assets.postgres.errors import CannotConnect
from coaching_assets.replica.pipelines import pipeline_for
from coaching_assets.settings import Settings
from coaching_assets_tests.support.secured_postgres import CERTIFIED, PASSWORD, SecuredPostgres

ASKED = "select current_user::text, current_database()::text, current_setting('work_mem')"
SECRET = quote(PASSWORD, safe="")
URLS = {
    "a percent-encoded password": "postgresql://postgres:{secret}@localhost:{port}/postgres",
    "the scheme postgres": "postgres://postgres:{secret}@127.0.0.1:{port}/postgres?sslmode=verify-full"
    "&sslrootcert={folder}/ca.crt",
    "the scheme of SQLAlchemy": "postgresql+psycopg2://postgres:{secret}@localhost:{port}/postgres",
    "Prisma's parameters": "postgresql://postgres:{secret}@localhost:{port}/postgres"
    "?pgbouncer=true&schema=public&connection_limit=1",
    "another server first": "postgresql://postgres:{secret}@localhost:1,localhost:{port}/postgres"
    "?target_session_attrs=read-write",
    "one port for all servers": "postgresql://postgres:{secret}@127.0.0.1,localhost:{port}/postgres?port={port}",
    "an IPv6 address": "postgresql://postgres:{secret}@[::1]:{port}/postgres",
    "a socket as a parameter": "postgresql://postgres:{secret}@/postgres?host={folder}&port={port}",
    "a socket as the host": "postgresql://postgres:{secret}@{socket}:{port}/postgres",
    "names and values": "host=localhost port={port} dbname=postgres user=postgres password='{quoted}'",
    "a service": "postgresql://?service=app",
    "a service without a URL": "service=app",
    "options": "postgresql://postgres:{secret}@localhost:{port}/postgres?options=-c%20work_mem%3D7MB",
    "no password, but a file of passwords": "postgresql://postgres@localhost:{port}/postgres?passfile={folder}/pgpass",
    "a client certificate": f"postgresql://{CERTIFIED}@localhost:{{port}}/postgres?sslmode=verify-full"
    "&sslcert={folder}/client.crt&sslkey={folder}/client.key&sslrootcert={folder}/ca.crt",
}


@pytest.fixture
def parts(secured: SecuredPostgres, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the URLs have in common, with a service file and a file of passwords."""
    folder, port = secured.folder, secured.port
    (folder / "services").write_text(
        f"[other]\nhost=nowhere.invalid\n\n# ours\n[app]\nhost=localhost\nport={port}\n"
        f"dbname=postgres\nuser=postgres\npassword={PASSWORD}\nsslmode=verify-full\nsslrootcert={folder}/ca.crt\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(folder / "services"))
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    (folder / "pgpass").write_text(f"*:*:*:*:{escaped}\n")
    (folder / "pgpass").chmod(0o600)
    quoted = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    url = f"postgresql://postgres:{SECRET}@localhost:{port}/postgres"
    with connect(at(url), autocommit=True) as database, database.cursor() as cursor:
        cursor.execute(f"select from pg_roles where rolname = '{CERTIFIED}'")
        if not cursor.rowcount:
            cursor.execute(f"create role {CERTIFIED} login superuser")
    return {
        "secret": SECRET,
        "quoted": quoted,
        "port": port,
        "folder": folder,
        "socket": quote(str(folder), safe=""),
    }


def at(url: str) -> Settings:
    return Settings(database_url=url, postgres_retries=0)  # type: ignore[arg-type]


def dlt_client(settings: Settings, folder: Path) -> PostgresClient:
    destination = pipeline_for("gong_calls", settings, folder).destination
    assert destination is not None
    return destination.client(Schema("any"), destination.spec()._bind_dataset_name("public"))  # type: ignore


def by_psycopg2(settings: Settings, folder: Path) -> tuple[object, ...]:
    with connect(settings) as database, database.cursor() as cursor:
        cursor.execute(ASKED)
        return tuple(cursor.fetchone() or ())


def by_dlt(settings: Settings, folder: Path) -> tuple[object, ...]:
    with dlt_client(settings, folder) as client:
        return tuple((client.sql_client.execute_sql(ASKED) or [()])[0])


def by_adbc(settings: Settings, folder: Path) -> tuple[object, ...]:
    with dbapi.connect(connection_url(settings)) as database, database.cursor() as cursor:
        cursor.execute(ASKED)
        return tuple(cursor.fetchone() or ())


CLIENTS: tuple[Callable[[Settings, Path], tuple[object, ...]], ...] = (by_psycopg2, by_dlt, by_adbc)


@pytest.mark.parametrize("url", URLS.values(), ids=URLS.keys())
def test_every_client_connects(url: str, parts: dict[str, object], tmp_path: Path) -> None:
    text = url.format(**parts)
    expected = (
        CERTIFIED if CERTIFIED in text else "postgres",
        "postgres",
        "7MB" if "work_mem" in text else "4MB",
    )
    assert [client(at(text), tmp_path) for client in CLIENTS] == [expected] * 3


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://postgres:hush@localhost:{port}/postgres", "rejects the password of user 'postgres'"),
        ("postgresql://postgres@localhost:{port}/postgres", "asks for the password of user 'postgres'"),
        ("postgresql://postgres:{secret}@localhost:{port}/nowhere", "has no database 'nowhere'. Create it"),
        (f"postgresql://{CERTIFIED}@localhost:{{port}}/postgres", "does not accept the client certificate"),
        (
            "postgresql://postgres:{secret}@localhost:{port}/postgres?sslmode=verify-full&sslrootcert=/nowhere",
            "no encrypted connection to localhost",
        ),
        ("postgresql://postgres:{secret}@localhost:{port}/postgres?sslmode=no-verify", "rejects the value of a"),
        ("postgresql://postgres:{secret}@localhost:{port}/postgres?connect_timeout=soon", "rejects the value of a"),
        (
            "postgresql://postgres:{secret}@localhost:{port}/postgres?target_session_attrs=standby",
            "has the state that target_session_attrs asks for",
        ),
        ("postgresql://postgres:{secret}@localhost:1/postgres", "localhost:1 cannot be reached"),
        ("postgresql://postgres:{secret}@localhost:1,[::1]:1/postgres", "localhost:1, [::1]:1 cannot be reached"),
    ],
)
def test_a_refused_connection_is_explained_without_the_password(
    url: str, message: str, parts: dict[str, object]
) -> None:
    with pytest.raises(CannotConnect) as raised, connect(at(url.format(**parts))):
        pass
    assert message in str(raised.value)
    assert "hush" not in str(raised.value)
