"""The connection to BigQuery, through which everything else of this package is called.

Only `read` and `storage` import the modules that read rows: a sync with nothing changed does not need them, nor the
Storage Read API.
"""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from google.api_core.client_info import ClientInfo
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry
from google.cloud.bigquery import Client, QueryJob
from google.cloud.bigquery.retry import DEFAULT_RETRY

from coaching_assets.bigquery import column_access, metadata, queries, row_access
from coaching_assets.bigquery.clock import ServerClock
from coaching_assets.bigquery.cost import Meter
from coaching_assets.bigquery.credentials import find_credentials
from coaching_assets.bigquery.endpoints import Endpoints, endpoints_for
from coaching_assets.bigquery.google_errors import Subject, translated_errors
from coaching_assets.bigquery.request_settings import EMULATOR_RETRY_SECONDS, RETRY_SECONDS, USER_AGENT
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.settings import SettingError, Settings

if TYPE_CHECKING:
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient

    from coaching_assets.bigquery.reading import TableRead


class BigQuery:
    """A connection to BigQuery. Creating one sends no request. Threads may share it.

    Google's two clients and the credentials are created on first use. `meter` counts what is read.
    """

    def __init__(self, settings: Settings) -> None:
        """Check the settings that can be checked without a network.

        Raises:
            SettingError: the project or the key file is missing, or only one of the emulator's two addresses is set.
        """
        self.settings = settings
        self.project = settings.project()
        self.billing_project = settings.bigquery_billing_project or self.project
        self.emulator = settings.bigquery_emulator_host is not None
        self.meter = Meter()
        _check_addresses(settings)
        _check_key_file(settings)
        self.clock = ServerClock()
        self._lock = threading.RLock()
        self._rest: Client | None = None
        self._storage: BigQueryReadClient | None = None
        self._credentials: Any = None

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the clients. The next request creates new ones."""
        with self._lock:
            if self._rest is not None:
                self._rest.close()  # type: ignore[no-untyped-call]
            if self._storage is not None:
                self._storage.transport.close()  # type: ignore[no-untyped-call]
            self._rest = self._storage = None

    def describe(self, dataset: str, table: str, project: str | None = None) -> TableDescription | None:
        """The metadata of a table; see `metadata.describe`."""
        return metadata.describe(self, dataset, table, project)

    def table_names(self, dataset: str) -> frozenset[str] | None:
        """The names of a dataset's tables and views; see `metadata.table_names`."""
        return metadata.table_names(self, dataset)

    def read(
        self,
        table: TableDescription,
        *,
        since: datetime | None = None,
        ranges: Sequence[tuple[datetime, datetime]] | None = None,
        snapshot: datetime | None = None,
        columns: Sequence[str] | None = None,
        streams: int = 1,
    ) -> "TableRead":
        """Prepare one pass over a table's rows; see `reading.read`."""
        from coaching_assets.bigquery.reading import read

        return read(self, table, since=since, ranges=ranges, snapshot=snapshot, columns=columns, streams=streams)

    def query(
        self, table: TableDescription, statement: str, parameters: queries.Parameters | None = None
    ) -> queries.QueryResult:
        """Run a query about one table to its end; see `queries.run_query`."""
        return queries.run_query(self, table, statement, parameters or {})

    def dry_run(
        self, table: TableDescription, statement: str, parameters: queries.Parameters | None = None
    ) -> QueryJob:
        """Let BigQuery check a query about one table; see `queries.dry_run`."""
        return queries.dry_run(self, table, statement, parameters or {})

    def readable(self, table: TableDescription) -> TableDescription:
        """The table without the columns that the account may not read; see `column_access.readable`."""
        return column_access.readable(self, table)

    def hidden_rows(self, table: TableDescription) -> str | None:
        """Why rows of the table may be hidden from the account; see `row_access.hidden_rows`."""
        return row_access.hidden_rows(self, table)

    def estimate(self, table: TableDescription, statement: str, parameters: queries.Parameters | None = None) -> int:
        """The bytes that a query of one table would bill; see `queries.estimate`."""
        return queries.estimate(self, table, statement, parameters or {})

    def translated_errors(self, dataset: str | None = None, table: str | None = None) -> AbstractContextManager[None]:
        """Raise a `SourceError` that names the table in place of an exception of Google's libraries."""
        return translated_errors(self.subject(dataset, table))

    def subject(self, dataset: str | None = None, table: str | None = None) -> Subject:
        """The object of a request, for error messages."""
        return Subject(self.project, dataset, table, self.emulator, self.billing_project)

    @property
    def rest(self) -> Client:
        """The client of the REST API, for metadata and query jobs.

        Raises:
            SettingError: there are no usable credentials.
        """
        with self._lock:
            if self._rest is None:
                self._rest = self._create_rest_client()
            return self._rest

    @property
    def storage(self) -> "BigQueryReadClient":
        """The client of the Storage Read API, for rows.

        Raises:
            SettingError: there are no usable credentials.
        """
        from coaching_assets.bigquery.storage import create_storage_client

        with self._lock:
            if self._storage is None:
                self._storage = create_storage_client(self._endpoints(), self.credentials)
            return self._storage

    @property
    def retry(self) -> Retry:
        """Google's retry of transient errors, with a shorter limit: see `retry_seconds`."""
        return DEFAULT_RETRY.with_timeout(self.retry_seconds)

    @property
    def retry_seconds(self) -> float:
        """How long a failed request is retried, in seconds."""
        return EMULATOR_RETRY_SECONDS if self.emulator else RETRY_SECONDS

    def _create_rest_client(self) -> Client:
        endpoints = self._endpoints()
        client = Client(
            project=self.billing_project,
            credentials=self.credentials,
            client_options=ClientOptions(api_endpoint=endpoints.rest, universe_domain=endpoints.universe),
            client_info=ClientInfo(user_agent=USER_AGENT),  # type: ignore[no-untyped-call]
        )
        client._http.hooks["response"].append(self.clock.observe)
        return client

    def _endpoints(self) -> Endpoints:
        return endpoints_for(self.settings, self.credentials)

    @property
    def credentials(self) -> Any:
        """Google's credentials, anonymous ones for an emulator.

        Raises:
            SettingError: there are none, or Google's library cannot read them.
        """
        with self._lock:
            if self._credentials is None:
                self._credentials = find_credentials(self.settings)
            return self._credentials


def _check_addresses(settings: Settings) -> None:
    """An emulator has two addresses; with only one of them set, half of the requests would go to Google."""
    addresses = {
        "BIGQUERY_EMULATOR_HOST": settings.bigquery_emulator_host,
        "BIGQUERY_STORAGE_EMULATOR_HOST": settings.bigquery_storage_emulator_host,
    }
    missing = [name for name, address in addresses.items() if address is None]
    if len(missing) == 1:
        (present,) = addresses.keys() - missing
        raise SettingError(
            f"{missing[0]} is not set, but {present} is. Set BIGQUERY_EMULATOR_HOST to the emulator's REST address and "
            "BIGQUERY_STORAGE_EMULATOR_HOST to its gRPC address (host:port), or unset both."
        )


def _check_key_file(settings: Settings) -> None:
    key = settings.google_application_credentials
    if settings.bigquery_emulator_host is None and key is not None and not key.is_file():
        raise SettingError(
            f"GOOGLE_APPLICATION_CREDENTIALS names {key}, which is not a file. Correct the path, or unset it."
        )
