"""Reads a table's rows as Arrow batches: stored tables over the Storage Read API, views by a query job."""

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
from google.api_core.exceptions import (
    Aborted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ServerError,
    TooManyRequests,
)
from google.api_core.retry import Retry, if_exception_type
from google.cloud.bigquery_storage_v1.types import ArrowSerializationOptions, DataFormat, ReadSession

from coaching_assets.bigquery.arrow.batches import to_loadable
from coaching_assets.bigquery.cost import Kind, Usage
from coaching_assets.bigquery.errors import SourceError
from coaching_assets.bigquery.identifiers import quoted, quoted_path
from coaching_assets.bigquery.queries import Parameters
from coaching_assets.bigquery.request_settings import REQUEST_SECONDS, USER_AGENT
from coaching_assets.bigquery.row_filters import restriction, restriction_to, with_partition_filter
from coaching_assets.bigquery.streams import StreamsRead
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import CURSOR

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

logger = logging.getLogger(__name__)

Opened: TypeAlias = tuple[int, pa.Schema, Iterable[pa.RecordBatch]]
"""The bytes that BigQuery scans or bills (0 if it does not report them), the schema, and the batches."""

TRANSIENT = if_exception_type(
    ServerError,  # UNAVAILABLE, INTERNAL, UNKNOWN, DEADLINE_EXCEEDED
    TooManyRequests,  # RESOURCE_EXHAUSTED
    Aborted,
)
"""The errors after which creating a read session is retried."""


class TableRead:
    """One pass over a table's rows, as record batches of the selected columns.

    There is at least one batch, which may be empty. `rows` and `bytes` count what the iteration has read so far.
    `bytes` is BigQuery's figure of bytes scanned or billed, or the size of the batches in memory if it has none.
    """

    def __init__(
        self,
        bigquery: "BigQuery",
        table: TableDescription,
        columns: Sequence[str],
        since: datetime | None,
        ranges: Sequence[tuple[datetime, datetime]] | None,
        snapshot: datetime | None,
        streams: int,
    ) -> None:
        """Prepare the pass; see `read` for the arguments. No request is sent yet."""
        self.table = table
        self.columns = tuple(columns)
        self.rows = 0
        self.bytes = 0
        self._bigquery = bigquery
        self._since = since if _has_cursor(table) else None
        self._ranges = ranges if _has_cursor(table) else None
        self._snapshot = snapshot
        self._max_streams = streams
        self._subject = bigquery.subject(table.dataset, table.table)
        self._opening: Future[Opened] | None = None

    def open(self, executor: Executor) -> None:
        """Create the read session ahead of the iteration, so that the sessions of several tables open concurrently.

        The iteration raises the errors. A view's query does not start here, because it may take long and costs money.
        """
        if self.table.is_stored:
            self._opening = executor.submit(self._open_table, self._snapshot)

    def check(self) -> None:
        """Let BigQuery check the request, without reading a row.

        Raises:
            SourceError: BigQuery rejects it.
        """
        with self._bigquery.translated_errors(self.table.dataset, self.table.table):
            if self.table.is_stored:
                self._open_table(None)
            else:
                self._bigquery.dry_run(self.table, *self._statement())

    def loadable_batches(self) -> Iterator[pa.RecordBatch]:
        """The batches in types that dlt and Postgres take without loss; see `arrow.batches`."""
        for batch in self:
            yield to_loadable(batch, self.table.fields)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches, in any order. Ending the iteration early ends the read.

        Raises:
            TableNotFound: the table was deleted after it was described.
            AccessDenied: the account may see the table but not read it.
            LimitExceeded: a view would bill more than BIGQUERY_MAXIMUM_BYTES_BILLED.
            Unavailable: BigQuery is out of reach, or broke off too many times.
            SourceError: BigQuery rejects the request for another reason.
        """
        self.rows = self.bytes = 0
        with self._bigquery.translated_errors(self.table.dataset, self.table.table):
            if self.table.is_stored:
                yield from self._stored()
            else:
                yield from self._counted(self._open_view())

    def _stored(self) -> Iterator[pa.RecordBatch]:
        """Read the stored table. If its session ends early, read the table once more from the beginning, as of now.

        A session ends after six hours, and when its table is replaced:
        https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#readsession
        BigQuery rejects a snapshot from before the table's creation, or after the present of its own clock:
        https://cloud.google.com/bigquery/docs/time-travel
        Rows then arrive twice, which is harmless because the load that follows is an upsert by key.
        """
        opening, self._opening = self._opening, None  # A session serves one pass only.
        try:
            yield from self._counted(opening.result() if opening is not None else self._open_table(self._snapshot))
        except (FailedPrecondition, NotFound, InvalidArgument) as error:
            if isinstance(error, InvalidArgument) and self._snapshot is None:
                raise
            self._check_columns()
            logger.warning("Reading %s again, in its current state: %s", self._subject, error.message)
            yield from self._counted(self._open_table(None))

    def _check_columns(self) -> None:
        """Check that the table still has the columns that were described.

        Raises:
            SourceError: it was replaced by a table with others.
        """
        now = self._bigquery.describe(self.table.dataset, self.table.table, self.table.project)
        if now is not None and {f for f in now.fields if f.name not in self.table.denied} != set(self.table.fields):
            raise SourceError(f"{self.table} got other columns while it was read. The next sync reads it.")

    def _counted(self, opened: Opened) -> Iterator[pa.RecordBatch]:
        """The batches of one session, counted; an empty batch if no session has returned a row."""
        scanned, schema, batches = opened
        before, rows_before, in_memory, iterator = self.bytes, self.rows, 0, iter(batches)
        nothing_yet = self.rows == 0
        if self.table.is_stored:
            # before the first row: if this process is killed, the bytes were billed all the same
            self._count(requests=1, bytes_estimated=scanned, bytes_billed=scanned)
        try:
            for batch in iterator:
                self.rows += batch.num_rows
                in_memory += batch.nbytes
                self.bytes = before + (scanned or in_memory)
                yield batch
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
            billed = 0 if scanned or not self.table.is_stored else in_memory
            # what a query processed is counted as read already; reading its result is free
            read = in_memory if self.table.is_stored else 0
            self._count(rows=self.rows - rows_before, bytes_read=read, bytes_billed=billed)
        self.bytes = before + (scanned or in_memory)
        if nothing_yet and self.rows == 0:
            yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)

    def _count(self, **figures: int) -> None:
        is_filtered = self._since is not None or self._ranges is not None
        kind: Kind = "filtered read" if is_filtered else "whole read"
        if not self.table.is_stored:
            kind = "query"
        self._bigquery.meter.add(Usage(self.table.dataset, self.table.table, kind, **figures))

    def _open_table(self, snapshot: datetime | None) -> Opened:
        table = self.table
        session = self._create_session(
            _path(table.project, table.dataset, table.table),
            restriction=self._restriction(),
            snapshot=snapshot,
        )
        return session.estimated_total_bytes_scanned, *self._streams_of(session)

    def _restriction(self) -> str:
        condition = restriction(self._since) if self._since is not None else ""
        if self._ranges is not None:
            condition = restriction_to(self._ranges)
        return with_partition_filter(self.table, condition)

    def _open_view(self) -> Opened:
        """Run the view's query and open the table that holds its result."""
        result = self._bigquery.query(self.table, *self._statement())
        destination: Any = result.job.destination
        path = _path(destination.project, destination.dataset_id, destination.table_id)
        try:
            session = self._create_session(path)
        except NotFound:
            # The emulator does not offer results over the Read API. REST is slower but works.
            rows = result.rows()
            if not rows.total_rows:
                return result.bytes_billed, rows.to_arrow(create_bqstorage_client=False).schema, ()
            return result.bytes_billed, pa.schema([]), rows.to_arrow_iterable()
        return result.bytes_billed, *self._streams_of(session)

    def _streams_of(self, session: ReadSession) -> tuple[pa.Schema, Iterable[pa.RecordBatch]]:
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        names = [stream.name for stream in session.streams]
        stall_seconds = self._bigquery.settings.bigquery_stall_seconds
        return schema, StreamsRead(self._bigquery.storage, names, schema, stall_seconds=stall_seconds)

    def _create_session(self, path: str, restriction: str = "", snapshot: datetime | None = None) -> ReadSession:
        # BigQuery accepts one compression, of the Arrow buffers or of the response. pyarrow decompresses the former.
        options = ReadSession.TableReadOptions(
            selected_fields=self.columns,
            row_restriction=restriction,
            arrow_serialization_options=ArrowSerializationOptions(
                buffer_compression=ArrowSerializationOptions.CompressionCodec.LZ4_FRAME
            ),
        )
        wanted = ReadSession(table=path, data_format=DataFormat.ARROW, read_options=options, trace_id=USER_AGENT)
        if snapshot is not None:
            wanted.table_modifiers = ReadSession.TableModifiers(snapshot_time=snapshot.astimezone(UTC))
        return self._bigquery.storage.create_read_session(
            parent=f"projects/{self._bigquery.billing_project}",
            read_session=wanted,
            max_stream_count=self._max_streams,
            retry=Retry(TRANSIENT, initial=0.1, maximum=10.0, timeout=self._bigquery.retry_seconds),
            timeout=REQUEST_SECONDS,
        )

    def _statement(self) -> tuple[str, Parameters]:
        columns = ", ".join(quoted(column) for column in self.columns)
        cursor = quoted(CURSOR)
        parameters: Parameters = {} if self._since is None else {"since": ("TIMESTAMP", self._since)}
        condition = f"{cursor} >= @since OR {cursor} IS NULL" if parameters else ""
        condition = with_partition_filter(self.table, condition)
        statement = f"SELECT {columns} FROM {quoted_path(self.table)}"
        return f"{statement} WHERE {condition}" if condition else statement, parameters


def read(
    bigquery: "BigQuery",
    table: TableDescription,
    *,
    since: datetime | None = None,
    ranges: Sequence[tuple[datetime, datetime]] | None = None,
    snapshot: datetime | None = None,
    columns: Sequence[str] | None = None,
    streams: int = 1,
) -> TableRead:
    """Prepare one pass over a table's rows.

    Args:
        bigquery: the connection.
        table: the table's description, as `describe` returns it.
        since: read only rows that Fivetran processed at or after this time, and rows without such a time. None reads
            all rows, and so does a table without `_fivetran_synced TIMESTAMP`.
        ranges: of a stored table, read only rows that Fivetran processed in one of these ranges (with start, without
            end), and rows without such a time. They take the place of `since`.
        snapshot: read the table's state at this time. None reads the current state, as views and external tables
            always do.
        columns: the columns to read, in any order. None reads all. Batches have them in the table's order.
        streams: the highest number of streams to read concurrently, 1 or more.

    Raises:
        SourceError: the table lacks one of the columns, or has no columns at all.
        ValueError: a time has no time zone.
    """
    if any(moment is not None and moment.tzinfo is None for moment in (since, snapshot)):
        raise ValueError("since and snapshot need a time zone")
    known = table.columns
    missing = [column for column in columns or () if column not in known]
    if missing:
        raise SourceError(
            f"{table} has no column {', '.join(missing)}. Select it in Fivetran; the table has {', '.join(known)}."
        )
    wanted = [column for column in known if columns is None or column in columns]
    if not wanted:
        raise SourceError(f"{table} has no columns to read. If Fivetran is still creating it, sync again later.")
    return TableRead(bigquery, table, wanted, since, ranges, snapshot, streams)


def _path(project: str, dataset: str, table: str) -> str:
    return f"projects/{project}/datasets/{dataset}/tables/{table}"


def _has_cursor(table: TableDescription) -> bool:
    field = table.field(CURSOR)
    return field is not None and field.type == "TIMESTAMP" and not field.repeated
