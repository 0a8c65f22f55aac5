"""Copies a file into a staging table by binary COPY, through ADBC."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from threading import Lock
from typing import TYPE_CHECKING

import pyarrow as pa
from adbc_driver_manager import INGEST_OPTION_MODE_APPEND, AdbcConnection, AdbcStatement, Error, StatementOptions
from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.destinations.impl.postgres.postgres import PostgresParquetCopyJob
from pyarrow import RecordBatchReader

from coaching_assets.postgres.connection import NO_TIMEOUTS
from coaching_assets.postgres.migrate import SCHEMA
from coaching_assets.replica.isolation import Cause, Isolation, Refused, lacks_binary_form, named, refuses_rows
from coaching_assets.replica.refused_rows import refused_batch

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcDatabase
    from pyarrow import RecordBatch, Schema
    from pyarrow.parquet import ParquetFile

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 8192
"""Rows per batch. Larger batches need more memory and are not faster."""

_opening = Lock()

_rows_copied: dict[str, int] = {}
"""Copied rows by dlt's job id. Kept here because dlt moves a file after copying it, while the merge is prepared."""


class CopyJob(PostgresParquetCopyJob):
    """A binary COPY like dlt's. It also accepts a file without rows: an empty table, or one without new rows.

    dlt passes an iterator to ADBC, which reads ahead without limit. A reader keeps the memory independent of the table.
    If Postgres refuses rows, the file is copied again without them, and they go to `coaching_sync.refused_rows`.
    """

    def run(self) -> None:
        """Copy the file into the staging table."""
        from pyarrow.parquet import ParquetFile

        with ParquetFile(self._file_path, pre_buffer=False) as file:
            rows = file.metadata.num_rows
            _rows_copied[self.job_id()] = rows
            if rows == 0:
                return
            try:
                with self._transaction() as connection:
                    self._append(connection, file.schema_arrow, self._decoded(file))
            except Error as error:
                if not (refuses_rows(error) or lacks_binary_form(error)):
                    raise
                _rows_copied[self.job_id()] -= self._copy_fitting(file, error)

    @staticmethod
    def _decoded(file: "ParquetFile") -> "Iterator[RecordBatch]":
        # Postgres uses the other core: several decoding threads are not faster
        yield from file.iter_batches(ROWS_AT_ONCE, use_threads=False)

    def _copy_fitting(self, file: "ParquetFile", error: Error) -> int:
        """Copy the rows that fit, in one transaction, and record the others.

        Returns:
            The number of rows that Postgres refuses.

        Raises:
            Error: the given one, if Postgres refuses even a copy without rows: then no row is to blame.
        """
        count = 0
        with self._transaction() as connection:
            if self._attempt(connection, file.schema_arrow, ()) is not None:
                raise error
            # a dry run may have no schema coaching_sync
            check = partial(self._check, connection) if self._job_client.sql_client.lock else None
            isolation = Isolation(lambda batch: self._attempt(connection, file.schema_arrow, [batch]), check)
            for refused in isolation.copy(self._decoded(file)):
                count += len(refused)
                self._record(connection, refused)
        return count

    def _attempt(self, connection: AdbcConnection, schema: "Schema", batches: "Iterable[RecordBatch]") -> Error | None:
        """Copy batches and return None, or copy nothing and return an error that rows may be to blame for."""
        _execute(connection, "savepoint attempt")
        try:
            self._append(connection, schema, batches)
        except Error as error:
            if not refuses_rows(error):
                raise
            _execute(connection, "rollback to savepoint attempt")
            return error
        _execute(connection, "release savepoint attempt")
        return None

    def _check(self, connection: AdbcConnection, batch: "RecordBatch", column: str) -> dict[int, Cause]:
        """Return the places of the values of a text column that Postgres refuses, with the reasons."""
        _, schema = self._set_catalog_and_schema()
        _execute(connection, "create temp table if not exists checked_value (place bigint, bytes bytea) on commit drop")
        _execute(connection, "delete from pg_temp.checked_value")
        places = pa.array(range(batch.num_rows), pa.int64())
        values = pa.record_batch({"place": places, "bytes": batch[column].cast(pa.large_binary())})
        _ingest(connection, "pg_temp", "checked_value", RecordBatchReader.from_batches(values.schema, [values]))
        query = (
            "select place, message, state from coaching_sync.refused_values("
            f"format('%I.%I', {_literal(schema)}, {_literal(self.load_table_name)})::regclass, {_literal(column)})"
        )
        with AdbcStatement(connection) as statement:
            statement.set_sql_query(query)
            stream, _ = statement.execute_query()
            rows = RecordBatchReader.from_stream(stream).read_all().to_pylist()
        return {r["place"]: Cause(named(r["message"], column), r["state"], column, None) for r in rows}

    def _record(self, connection: AdbcConnection, refused: Sequence[Refused]) -> None:
        """Record refused rows for the merge. A load without a lock is a dry run, which writes nothing to keep."""
        if not refused:
            return
        if self._job_client.sql_client.lock is None:
            logger.warning(
                "Postgres refuses %d rows of %s: %s", len(refused), self.load_table_name, refused[0].cause.message
            )
            return
        _, schema = self._set_catalog_and_schema()
        records = refused_batch(schema, self.load_table_name, refused)
        _ingest(connection, SCHEMA, "refused_rows", RecordBatchReader.from_batches(records.schema, [records]))

    def _append(self, connection: AdbcConnection, schema: "Schema", batches: "Iterable[RecordBatch]") -> None:
        _, staging_schema = self._set_catalog_and_schema()
        _ingest(connection, staging_schema, self.load_table_name, RecordBatchReader.from_batches(schema, batches))

    @contextmanager
    def _transaction(self) -> Iterator[AdbcConnection]:
        """Open a connection with the session settings of a load; commit at the end unless an error is raised."""
        with AdbcConnection(self._database()) as connection:
            # ADBC's own transactions cannot be used after an error, not even up to a savepoint
            _execute(connection, "begin")
            for query in self._session_settings():
                _execute(connection, query)
            yield connection
            _execute(connection, "commit")

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


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _execute(connection: AdbcConnection, query: str) -> None:
    with AdbcStatement(connection) as statement:
        statement.set_sql_query(query)
        statement.execute_update()


def _ingest(connection: AdbcConnection, schema: str, table: str, rows: RecordBatchReader) -> None:
    """Append rows to a table by binary COPY."""
    with AdbcStatement(connection) as statement:
        statement.set_options(
            **{
                StatementOptions.INGEST_TARGET_TABLE.value: table,
                StatementOptions.INGEST_TARGET_DB_SCHEMA.value: schema,
                StatementOptions.INGEST_MODE.value: INGEST_OPTION_MODE_APPEND,
            }
        )
        statement.bind_stream(rows)
        statement.execute_update()


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
