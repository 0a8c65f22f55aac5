"""The newest source time of a replica table, from which the next sync reads."""

from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from coaching_assets.replica.watermark import newest_source_time
from coaching_assets_tests.support.deployment import Database

PAST = datetime(2024, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamps", "newest"),
    [([], None), ([None], None), ([PAST, None], PAST), ([PAST, PAST + timedelta(hours=1)], PAST + timedelta(hours=1))],
)
def test_the_newest_stamp_counts(database: Database, stamps: list[datetime | None], newest: datetime | None) -> None:
    with psycopg2.connect(database.url) as connection, connection.cursor() as cursor:
        cursor.execute("create schema replica; create table replica.call (_fivetran_synced timestamptz)")
        for stamp in stamps:
            cursor.execute("insert into replica.call values (%s)", (stamp,))
        assert newest_source_time(connection, "replica", "call") == newest


@pytest.mark.parametrize("ahead", ["1 minute", "1 day", "100 years"])
def test_a_stamp_of_a_clock_that_is_ahead_does_not_hide_later_rows(database: Database, ahead: str) -> None:
    with psycopg2.connect(database.url) as connection, connection.cursor() as cursor:
        cursor.execute("create schema replica; create table replica.call (_fivetran_synced timestamptz)")
        cursor.execute("insert into replica.call values (now() + %s::interval) returning now()", (ahead,))
        ((now,),) = cursor.fetchall()
        assert newest_source_time(connection, "replica", "call") == now
