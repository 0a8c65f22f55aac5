"""The whole way, from BigQuery to the application's tables, against a computation that shares no code with it."""

from pathlib import Path

import psycopg2
import pytest

from coaching_assets.demo.sample import COMPANY_DOMAIN, Sample, change_set, generate
from coaching_assets.demo.servers import pg_dump_schema
from coaching_assets_tests.oracle import actual, differences, expected
from coaching_assets_tests.support.deployment import Deployment


def assert_equals_oracle(deployment: Deployment, sample: Sample, folder: Path) -> None:
    sample.write(folder)
    with psycopg2.connect(deployment.url) as connection:
        found = differences(expected(folder, [COMPANY_DOMAIN]), actual(connection, "public"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("connector", "scale", "changes"),
    [
        ("strings", 0.2, 1),
        pytest.param("typed", 0.05, 1, marks=pytest.mark.slow),
        pytest.param("strings", 1.0, 1, marks=pytest.mark.slow),
        pytest.param("strings", 1.0, 3, marks=pytest.mark.long),
        pytest.param("typed", 1.0, 1, marks=pytest.mark.long),
    ],
)
def test_tables_equal_the_oracle_after_every_sync(
    deployment: Deployment, tmp_path: Path, connector: str, scale: float, changes: int
) -> None:
    schema_before = pg_dump_schema(deployment.url, "public")
    sample = generate(scale, connector=connector)
    deployment.load(sample)

    assert deployment.sync().failures == ()
    assert_equals_oracle(deployment, sample, tmp_path / "0")

    for number in range(1, changes + 1):
        sample = change_set(sample, number)
        deployment.load(sample)
        assert deployment.sync().failures == ()
        assert_equals_oracle(deployment, sample, tmp_path / str(number))

    written = deployment.rows_written()
    assert written["transcripts"] > 19_000 * scale
    assert deployment.sync().success
    assert deployment.rows_written() == written
    assert_equals_oracle(deployment, sample, tmp_path / str(changes))
    assert pg_dump_schema(deployment.url, "public") == schema_before
