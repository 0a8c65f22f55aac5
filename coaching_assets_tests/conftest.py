"""The servers that all tests share: a real Postgres and a real BigQuery emulator, one of each a session."""

from collections.abc import Iterator

import pytest

from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres, bigquery_emulator, embedded_postgres


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with embedded_postgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def emulator() -> Iterator[BigQueryEmulator]:
    with pytest.MonkeyPatch.context() as environment:
        # Its Read API sends no message larger than this; BigQuery sends larger cells than the default allows.
        environment.setenv("BQEMU_WRITE_API_MAX_REQUEST_BYTES", str(256 * 1024**2))
        with bigquery_emulator() as server:
            yield server
