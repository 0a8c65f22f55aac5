"""Databases in other languages and encodings: ASCII letters stay ASCII, and only UTF-8 is written to."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from urllib.parse import quote

import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor

from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets.doctor.postgres_checks import check_encoding
from coaching_assets.postgres.migrate import WrongEncoding, ensure_schema
from coaching_assets_tests.support.secured_postgres import PASSWORD, SecuredPostgres

NUMBERS = count(1)
ICU = "template template0 locale_provider icu icu_locale '{}'"


@pytest.fixture(scope="module", params=["tr-TR", "az", "lt", "en-US"])
def cursor(request: pytest.FixtureRequest, secured: SecuredPostgres) -> Iterator[Cursor]:
    """A database in this language, with this project's functions."""
    name = f"language{next(NUMBERS)}"
    url = f"postgresql://postgres:{quote(PASSWORD, safe='')}@127.0.0.1:{secured.port}/"
    with closing(psycopg2.connect(url + "postgres")) as database:
        database.autocommit = True
        database.cursor().execute(f"create database {name} {ICU.format(request.param)}")
    with closing(psycopg2.connect(url + name)) as database:
        ensure_schema(database)
        database.commit()
        with database.cursor() as cursor:
            yield cursor
        database.rollback()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("lower_case('INTERNAL')", "internal"),
        ("lower_case('OPPORTUNITY')", "opportunity"),
        ("lower_case('Wide.Initials@ACME.IO')", "wide.initials@acme.io"),
        ("lower_case('ÉLISE ÜNAL')", "élise ünal"),
        ("upper_case('ünal iii')", "ÜNAL III"),
        ("name_from_email('irene.ILIK@acme.io')", "Irene Ilik"),
        ("name_from_email('élise.INA@acme.io')", "Élise Ina"),
        ("try_boolean('FALSE')::text", "false"),
        ("try_timestamptz('2026-06-30T12:00:00utc')::text is not null", True),
    ],
)
def test_words_are_the_same_in_every_language(cursor: Cursor, expression: str, value: object) -> None:
    cursor.execute(f"select coaching_sync.{expression}")
    assert cursor.fetchone() == (value,)


@pytest.mark.parametrize("address", ["Wide.IRIS@ACME.IO", "i@x.io", "IÉI@X.COM"])
def test_an_erased_address_is_recognized_in_every_spelling(cursor: Cursor, address: str) -> None:
    cursor.execute("select kind from coaching_sync.erased_identities")
    assert cursor.fetchall() == []
    cursor.execute(
        "insert into coaching_sync.erased_identities"
        " values ('address', coaching_sync.hash_of_erased('address', %s))"
        " returning hash = sha256(convert_to("
        "(select salt from coaching_sync.erasure_salt) || ':address:' || %s, 'UTF8'))",
        (address, address.lower()),
    )
    assert cursor.fetchone() == (True,)
    for spelling in (address, address.lower(), address.upper(), address.title()):
        cursor.execute("select coaching_sync.redacted_text(%s)", (f"write to {spelling}, please",))
        assert cursor.fetchone() == ("write to [erased], please",)
    identity = '[{"kind": "address", "columns": ["email"], "value_only": false}]'
    cursor.execute("create table person (email text); insert into person values (%s)", (address.upper(),))
    cursor.execute("select coaching_sync.erased_condition('person', %s, false)", (identity,))
    cursor.execute(f"select count(*) from person as r where {(cursor.fetchone() or ('',))[0]}")
    assert cursor.fetchone() == (1,)
    cursor.connection.rollback()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_a_database_that_is_not_utf_8_is_refused(postgres: EmbeddedPostgres, encoding: str) -> None:
    name = f"encoding{next(NUMBERS)}"
    with closing(psycopg2.connect(postgres.url())) as database:
        database.autocommit = True
        database.cursor().execute(
            f"create database {name} template template0 encoding '{encoding}' locale_provider libc locale 'C'"
        )
    with closing(psycopg2.connect(postgres.url(name))) as database:
        finding = check_encoding(database)
        assert (finding.state, finding.message) == (
            "failed",
            f"The database is encoded in {encoding}, and a sync needs UTF8",
        )
        assert "encoding 'UTF8' template template0" in finding.remedy
        with pytest.raises(WrongEncoding, match=f"encoded in {encoding}"):
            ensure_schema(database)
        with database.cursor() as cursor:
            cursor.execute("select to_regnamespace('coaching_sync')")
            assert cursor.fetchone() == (None,)
