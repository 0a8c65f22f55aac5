"""Databases whose language is Turkish, in which the lower case of I has no dot."""

import os

import psycopg2
import pytest

from coaching_assets.demo.servers import EmbeddedPostgres

ICU = "locale_provider icu icu_locale 'tr-TR' locale 'C.UTF-8'"
LIBC = "locale 'tr_TR.UTF-8'"
PROBE = "coaching_probe"


def create_database(postgres: EmbeddedPostgres, name: str, options: str = "", *, encoding: str = "UTF8") -> None:
    """Create a database with these options of `create database`, such as a locale."""
    _run(postgres, f"create database {name} template template0 encoding '{encoding}' {options}")


def turkish(postgres: EmbeddedPostgres) -> str:
    """The options of a Turkish database: by ICU, or by the operating system where Postgres has no ICU.

    Skips the test if the machine has neither; fails it in CI.
    """
    for options in (ICU, LIBC):
        try:
            create_database(postgres, PROBE, options)
        except psycopg2.Error:
            continue
        _run(postgres, f"drop database {PROBE}")
        return options
    reason = "neither ICU nor the locale tr_TR.UTF-8 is installed; run: make servers"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _run(postgres: EmbeddedPostgres, statement: str) -> None:
    connection = psycopg2.connect(postgres.url())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
