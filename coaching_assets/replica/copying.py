"""Copies a file into a staging table by binary COPY, through ADBC."""

from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.destinations.impl.postgres.factory import get_adbc_driver_location
from dlt.destinations.impl.postgres.postgres import PostgresParquetCopyJob

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, _SharedDatabase

ROWS_AT_ONCE = 8192
"""Rows per batch. Larger batches need more memory and are not faster."""

_one_at_a_time = Lock()

_rows_copied: dict[str, int] = {}
"""Copied rows by dlt's job id. Kept here because dlt moves a file after copying it, while the merge is prepared."""


class CopyJob(PostgresParquetCopyJob):
    """A binary COPY like dlt's, which also takes a file without rows: a table that is empty, or has nothing new.

    dlt hands ADBC an iterator, of which that reads ahead as much as there is: memory that grows with the table.
    """

    def run(self) -> None:
        """Copy the file into the staging table."""
        from pyarrow import RecordBatchReader
        from pyarrow.parquet import ParquetFile

        with ParquetFile(self._file_path, pre_buffer=False) as file:
            _rows_copied[self.job_id()] = file.metadata.num_rows
            if file.metadata.num_rows:
                catalog, schema = self._set_catalog_and_schema()
                # Postgres uses the other core: several decoding threads are not faster
                decoded = file.iter_batches(ROWS_AT_ONCE, use_threads=False)
                batches = RecordBatchReader.from_batches(file.schema_arrow, decoded)
                with self._connect() as connection, connection.cursor() as cursor:
                    cursor.adbc_ingest(
                        self.load_table_name,
                        batches,
                        mode="append",
                        catalog_name=catalog,
                        db_schema_name=schema,
                    )
                    connection.commit()

    def _connect(self) -> "Connection":
        from adbc_driver_manager import AdbcConnection
        from adbc_driver_manager.dbapi import Connection

        self._config = self._job_client.config
        with _one_at_a_time:
            assert self._config.credentials is not None
            database = _database(self._config.credentials.to_native_representation())
        return Connection(database, AdbcConnection(database._db))


@lru_cache(maxsize=1)
def _database(url: str) -> "_SharedDatabase":
    """What ADBC knows of a database, without a connection.

    It learns the types of Postgres when it is opened, which takes longer than to copy a small table.
    """
    from adbc_driver_manager import AdbcDatabase
    from adbc_driver_manager.dbapi import _SharedDatabase

    return _SharedDatabase(AdbcDatabase(driver=get_adbc_driver_location(), uri=url))


def rows_copied(job: ParsedLoadJobFileName) -> int:
    """Return the rows that this process copied from a file; 0 for a file that is not a copy."""
    return _rows_copied[job.job_id()] if job.file_format == "parquet" else 0
