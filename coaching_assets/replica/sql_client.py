"""dlt's SQL client with the session settings of a load."""

from typing import Any

import psycopg2
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from coaching_assets.postgres.connection import NO_TIMEOUTS
from coaching_assets.postgres.locks import TABLE_LOCK_SECONDS
from coaching_assets.replica.credentials import LibpqCredentials
from coaching_assets.replica.schema_lock import LoadLock


class ReplicaSqlClient(Psycopg2SqlClient):
    """Sets the session by statements: a connection pooler rejects dlt's startup option."""

    credentials: LibpqCredentials

    @property
    def lock(self) -> LoadLock | None:
        """The lock that every transaction which writes requires."""
        return self.credentials.lock

    def require_lock(self) -> None:
        """Fail if the load has lost its lock.

        Raises:
            DatabaseTransientException: the session that holds the lock has ended.
        """
        if self.lock is not None:
            self.execute_sql(self.lock.requirement)

    def open_connection(self) -> Any:
        """Connect and set the session."""
        self._conn = psycopg2.connect(self.credentials.to_native_representation())
        self._reset_connection()
        return self._conn

    def _reset_connection(self) -> None:
        # dlt also calls this after an error, and it resets every setting
        super()._reset_connection()
        with self._conn.cursor() as cursor:
            cursor.execute(
                f"set search_path = {self.fully_qualified_dataset_name()}, public;"
                f" set lock_timeout = '{TABLE_LOCK_SECONDS}s'; {NO_TIMEOUTS}"
            )
