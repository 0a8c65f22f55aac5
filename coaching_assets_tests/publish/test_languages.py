"""Publishing into a Turkish database: who is on the company's side, which objects are deals, what people are called."""

from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest

from coaching_assets.demo.sample import COMPANY_DOMAIN, Sample, generate
from coaching_assets.publish.application import create_application_tables
from coaching_assets_tests.oracle import actual, differences, expected
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import Row, changed_rows
from coaching_assets_tests.support.secured_postgres import PASSWORD, SecuredPostgres

DOMAIN = "initech.io"


def with_capital_i(sample: Sample) -> Sample:
    """The sample with addresses, affiliations and object types in upper case, and people without a name."""

    def participant(row: Row) -> Row:
        address = row["email_address"] and row["email_address"].lower().replace(COMPANY_DOMAIN, DOMAIN).upper()
        return row | {
            "email_address": address,
            "affiliation": row["affiliation"] and row["affiliation"].upper(),
            "name": None,
        }

    def integration(row: Row) -> Row:
        return row | {"object_type": row["object_type"] and row["object_type"].upper()}

    sample = changed_rows(sample, ("gong", "call_participant"), participant)
    return changed_rows(sample, ("gong", "call_context_integration"), integration)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["tr-TR", "az"])
def test_the_published_rows_are_the_same_in_every_language(
    language: str, deployment: Deployment, secured: SecuredPostgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"postgresql://postgres:{quote(PASSWORD, safe='')}@127.0.0.1:{secured.port}/"
    database = psycopg2.connect(url + "postgres")
    database.autocommit = True
    name = f"published_{language[:2]}"
    database.cursor().execute(f"create database {name} template template0 locale_provider icu icu_locale '{language}'")
    database.close()
    monkeypatch.setenv("DATABASE_URL", url + name)
    monkeypatch.setenv("COMPANY_DOMAINS", DOMAIN.upper())
    create_application_tables(deployment.settings)
    sample = with_capital_i(generate(0.05))
    deployment.load(sample)
    assert deployment.sync().failures == ()
    sample.write(tmp_path)
    with psycopg2.connect(url + name) as connection:
        published = actual(connection, "public")
        assert differences(expected(tmp_path, [DOMAIN]), published) == []
        cursor = connection.cursor()
        cursor.execute("select count(*) filter (where company_side), count(*) filter (where email ~ 'I') from speakers")
        assert all(cursor.fetchone() or (0,))
    connection.close()
