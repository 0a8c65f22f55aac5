"""Copies a file into a staging table by binary COPY, through ADBC."""

from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.destinations.impl.postgres.postgres import PostgresParquetCopyJob

from coaching_assets.postgres.connection import NO_TIMEOUTS

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcDatabase
    from pyarrow import RecordBatchReader

ROWS_AT_ONCE = 8192
"""Rows per batch. Larger batches need more memory and are not faster."""

_opening = Lock()

_rows_copied: dict[str, int] = {}
"""Copied rows by dlt's job id. Kept here because dlt moves a file after copying it, while the merge is prepared."""


class CopyJob(PostgresParquetCopyJob):
    """A binary COPY like dlt's. It also accepts a file without rows: an empty table, or one without new rows.

    dlt passes an iterator to ADBC, which reads ahead without limit. A reader keeps the memory independent of the table.
    """

    def run(self) -> None:
        """Copy the file into the staging table."""
        from pyarrow import RecordBatchReader
        from pyarrow.parquet import ParquetFile

        with ParquetFile(self._file_path, pre_buffer=False) as file:
            _rows_copied[self.job_id()] = file.metadata.num_rows
            if file.metadata.num_rows:
                # Postgres uses the other core: several decoding threads are not faster
                decoded = file.iter_batches(ROWS_AT_ONCE, use_threads=False)
                self._copy(RecordBatchReader.from_batches(file.schema_arrow, decoded))

    def _copy(self, batches: "RecordBatchReader") -> None:
        from adbc_driver_manager import INGEST_OPTION_MODE_APPEND, AdbcConnection, AdbcStatement, StatementOptions

        _, schema = self._set_catalog_and_schema()
        with AdbcConnection(self._database()) as connection, AdbcStatement(connection) as statement:
            connection.set_autocommit(False)
            for query in self._session_settings():
                statement.set_sql_query(query)
                statement.execute_update()
            statement.set_options(
                **{
                    StatementOptions.INGEST_TARGET_TABLE.value: self.load_table_name,
                    StatementOptions.INGEST_TARGET_DB_SCHEMA.value: schema,
                    StatementOptions.INGEST_MODE.value: INGEST_OPTION_MODE_APPEND,
                }
            )
            statement.bind_stream(batches)
            statement.execute_update()
            connection.commit()

    def _session_settings(self) -> Iterator[str]:
        """Statements before the copy, in its transaction."""
        yield NO_TIMEOUTS
        if lock := self._job_client.sql_client.lock:
            yield lock.requirement

    def _database(self) -> "AdbcDatabase":
        credentials = self._job_client.config.credentials
        assert credentials is not None
        with _opening:
            return _open_database(credentials.to_native_representation())


@lru_cache(maxsize=1)
def _open_database(url: str) -> "AdbcDatabase":
    """ADBC's view of a database, without a connection; all copies share it.

    Opening it reads the types of Postgres: 44 ms of CPU per table instead of 1 ms, which is 12 % of the CPU of a small
    first sync.
    """
    from adbc_driver_postgresql import connect  # type: ignore[import-untyped]

    database: AdbcDatabase = connect(url)
    return database


def rows_copied(job: ParsedLoadJobFileName) -> int:
    """Return the rows that this process copied from a file; 0 for a file that is not a copy."""
    return _rows_copied[job.job_id()] if job.file_format == "parquet" else 0
