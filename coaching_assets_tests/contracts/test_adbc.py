"""ADBC's low-level interface, which copies rows without a DB-API connection."""

import pytest

from coaching_assets_tests.contracts.promises import Promise, check, check_complete

COPYING = "replica/copying.py copies by it"
REMEDY = "Adapt CopyJob, and run coaching_assets_tests/replica."
MANAGER = "adbc_driver_manager"

PROMISES = (
    Promise("adbc_driver_postgresql:connect", COPYING, REMEDY, ("uri",)),
    Promise(f"{MANAGER}:AdbcConnection.__enter__", COPYING, REMEDY),
    Promise(f"{MANAGER}:Error", COPYING, REMEDY),
    Promise(f"{MANAGER}:AdbcStatement.set_sql_query", COPYING, REMEDY),
    Promise(f"{MANAGER}:AdbcStatement.set_options", COPYING, REMEDY),
    Promise(f"{MANAGER}:AdbcStatement.bind_stream", COPYING, REMEDY),
    Promise(f"{MANAGER}:AdbcStatement.execute_update", COPYING, REMEDY),
    Promise(f"{MANAGER}:StatementOptions.INGEST_TARGET_TABLE", COPYING, REMEDY),
    Promise(f"{MANAGER}:StatementOptions.INGEST_TARGET_DB_SCHEMA", COPYING, REMEDY),
    Promise(f"{MANAGER}:StatementOptions.INGEST_MODE", COPYING, REMEDY),
    Promise(f"{MANAGER}:INGEST_OPTION_MODE_APPEND", COPYING, REMEDY),
)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_name(promise: Promise) -> None:
    check(promise, "adbc-driver-postgresql")


def test_nothing_private_is_imported() -> None:
    check_complete((), rf"{MANAGER}\.(_|dbapi).*|adbc_driver_postgresql\._.*")
