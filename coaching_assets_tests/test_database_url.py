"""`DATABASE_URL`: which texts are read, what is added, and what a wrong one is answered."""

from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn

from coaching_assets.database_url import addresses, render_url, url_from_parts
from coaching_assets.settings import SettingError, Settings

UNUSUAL = "p @:/?#%+&=é'\\"


@pytest.fixture(autouse=True)
def empty_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSLMODE", "HOST", "HOSTADDR", "PORT", "SERVICE", "SERVICEFILE"):
        monkeypatch.delenv(f"PG{name}", raising=False)
    monkeypatch.setenv("PGSYSCONFDIR", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))


def parsed(url: str, **settings: Any) -> dict[str, str]:
    return parse_dsn(Settings(database_url=url, **settings).postgres_url())


COMMON = {"user": "u", "password": "p", "host": "localhost", "dbname": "app"}


@pytest.mark.parametrize(
    ("url", "added"),
    [
        ("postgresql://u:p@localhost/app", {}),
        ("postgres://u:p@localhost:5433/app", {"port": "5433"}),
        ("PostgreSQL://u:p@localhost/app\n", {}),
        ("postgresql+psycopg2://u:p@localhost/app", {}),
        ("postgresql+asyncpg://u:p@localhost/app?prepared_statement_cache_size=0", {}),
        ("postgresql://u:p@localhost/app?pgbouncer=true&schema=public&connection_limit=5", {}),
        ("postgresql://u:p@localhost/app?currentSchema=public&connect_timeout=3", {"connect_timeout": "3"}),
        ("postgresql://u:p@localhost/app?ssl=true", {"sslmode": "require"}),
        ("postgresql://u:p@localhost/app?options=-c%20work_mem%3D7MB", {"options": "-c work_mem=7MB"}),
        ("postgresql://u:p%23%2F@localhost/app", {"password": "p#/"}),
        ("postgresql://u:p#:?&=@localhost/app", {"password": "p#:?&="}),
        ("postgresql://localhost/app?user=me@server&password=p", {"user": "me@server"}),
        ("host=localhost dbname=app user=u password='p'", {}),
        ("host = localhost dbname=app user=u password='a b://c@d'", {"password": "a b://c@d"}),
    ],
)
def test_libpqs_urls_and_those_of_other_clients_are_read(url: str, added: dict[str, str]) -> None:
    assert parsed(url) == COMMON | added


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://u:p@a:1,b:2/app?target_session_attrs=read-write", "a:1, b:2"),
        ("postgresql://u:p@a,b/app?port=5433", "a:5433, b:5433"),
        ("postgresql://u:p@[::1]:7/app", "[::1]:7"),
        ("postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/app", "/var/run/postgresql:5432"),
        ("postgresql://u:p@/app?host=/var/run/postgresql", "/var/run/postgresql:5432"),
        ("dbname=app", "localhost:5432"),
    ],
)
def test_messages_name_every_host(url: str, where: str) -> None:
    assert addresses(parsed(url)) == where


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://u:hush@h/d", "DATABASE_URL must start with postgresql://"),
        ("jdbc:postgresql://h/d?user=u&password=hush", "DATABASE_URL must start with postgresql://"),
        ("'postgresql://u:hush@h/d'", "without quotation marks"),
        ("hush", "DATABASE_URL must start with postgresql://"),
        ("host=h password=hush hush user=u", "put a value with spaces into single quotes"),
        ("postgresql://u:hush%zz@h/d", "cannot be read; write special characters .* %25 for %"),
        ("postgresql://u:hu@sh@h/d", "has an unescaped @ or / .* as %40 for @"),
        ("postgresql://u:hu/sh@h/d", "has an unescaped @ or / .* %2F for /"),
        ("postgresql://u:1/hush@h:5432/d", "has an unescaped @ or /"),
        ("postgresql://u:1/hu?hush=sh@h:5432/d", "cannot be read; write special characters"),
        ("postgresql://u:hu@s/h?hush=1@h/d", "cannot be read; write special characters"),
        ("postgresql://u:hush@h:port/d", "has a port that is not a number"),
        ("postgresql://u:hush@::1/d", "an IPv6 address in brackets"),
        ("postgresql://u:hush@h:70000/d", "from 1 to 65535"),
        ("postgresql://u:hush@h/d?no_such_parameter=1", "has the parameter 'no_such_parameter', .* remove it"),
        ("postgresql://u:hush@h/d?sslaccept=strict", "has the parameter 'sslaccept'"),
        (
            "postgresql://u:hush@h/d?schema=coaching",
            "but COACHING_SCHEMA is public; set COACHING_SCHEMA",
        ),
        ("postgresql://u:hush@h/d?service=none", "names the service 'none', which is in neither .*; add a section"),
    ],
)
def test_a_wrong_url_is_explained_without_its_password(url: str, message: str) -> None:
    with pytest.raises(SettingError, match=f"DATABASE_URL .*{message.removeprefix('DATABASE_URL ')}") as raised:
        parsed(url)
    assert "hu" not in str(raised.value)
    assert "sh@" not in str(raised.value)


def test_the_schema_of_a_url_may_be_the_applications() -> None:
    assert parsed("postgresql://u:p@localhost/app?schema=Coaching", coaching_schema="Coaching") == COMMON


@pytest.mark.parametrize(
    ("url", "sslmode"),
    [
        ("postgresql://u:p@db.example.com:5432/app", "require"),
        ("postgresql://u:p@10.0.0.1/app?connect_timeout=5", "require"),
        ("postgresql://u:p@db.example.com/app?sslmode=verify-full", "verify-full"),
        ("postgresql://u:p@localhost,db.example.com/app", "require"),
        ("postgresql://u:p@localhost/app?hostaddr=10.0.0.1", "require"),
        ("host=db.example.com dbname=app", "require"),
        ("postgresql://u:p@db.example.com/app?sslrootcert=system", None),  # libpq then verifies fully
        ("postgresql://u:p@localhost/app", None),
        ("postgresql://u:p@127.0.0.9/app", None),
        ("postgresql://u:p@[::1]/app", None),
        ("postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/app", None),
        ("postgresql://u:p@/app?host=/var/run/postgresql", None),
    ],
)
def test_connections_to_other_machines_are_encrypted(url: str, sslmode: str | None) -> None:
    assert parsed(url).get("sslmode") == sslmode


def test_the_environment_names_another_machine_or_a_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.com")
    assert parsed("postgresql:///app")["sslmode"] == "require"
    monkeypatch.setenv("PGSSLMODE", "prefer")
    assert "sslmode" not in parsed("postgresql:///app")


@pytest.mark.parametrize("variable", ["PGSERVICEFILE", "PGSYSCONFDIR", "HOME"])
def test_a_service_is_replaced_by_its_parameters(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"PGSERVICEFILE": "services", "PGSYSCONFDIR": "pg_service.conf", "HOME": ".pg_service.conf"}
    file = tmp_path / "etc" / files[variable]
    file.parent.mkdir()
    file.write_text(f"[db]\nhost=h\n# host=g\nuser=u\npassword={UNUSUAL}\nsslmode=verify-ca\n[db2]\nuser=v\n")
    monkeypatch.setenv(variable, str(file if variable == "PGSERVICEFILE" else file.parent))
    expected = {"host": "h", "user": "w", "password": UNUSUAL, "sslmode": "verify-ca", "dbname": "app"}
    assert parsed("postgresql://w@/app?service=db") == expected
    monkeypatch.setenv("PGSERVICE", "db2")
    assert parsed("postgresql:///app") == {"user": "v", "dbname": "app"}


def test_a_service_file_with_another_programs_parameter_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "services").write_text("[db]\nhost=h\npool=7\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    with pytest.raises(SettingError, match="service 'db', whose parameter 'pool'"):
        parsed("service=db")


@pytest.mark.parametrize("host", ["h", "/var/run/postgresql", "::1", "a,b"])
def test_libpq_reads_the_parts_that_went_into_a_url(host: str) -> None:
    parts = {"database": UNUSUAL, "username": "a b@c", "password": UNUSUAL, "host": host, "port": 5}
    parameters = {"dbname": UNUSUAL, "user": "a b@c", "password": UNUSUAL, "host": host, "port": "5"}
    assert parse_dsn(url_from_parts(parts)) == parameters
    assert parse_dsn(render_url(parameters | {"options": "-c a=b"})) == parameters | {"options": "-c a=b"}
