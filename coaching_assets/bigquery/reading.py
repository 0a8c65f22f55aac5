"""Reads a table's rows as Arrow batches: tables by the Storage Read API, views by a query job and its result table."""

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from coaching_assets.bigquery.client import REQUEST_SECONDS, USER_AGENT, BigQuery
from coaching_assets.bigquery.errors import SourceError, explained
from coaching_assets.bigquery.metadata import TableDescription
from coaching_assets.bigquery.queries import QUERY_SECONDS, quoted, quoted_path, run_query
from coaching_assets.bigquery.streams import StreamsRead
from coaching_assets.catalogue import CURSOR

if TYPE_CHECKING:
    import pyarrow as pa
    from google.api_core.retry import Retry
    from google.cloud.bigquery import QueryJob, ScalarQueryParameter
    from google.cloud.bigquery_storage_v1.types import ReadSession

logger = logging.getLogger(__name__)

STORED_KINDS = frozenset({"TABLE", "SNAPSHOT", "CLONE"})
"""The kinds of tables that the Storage Read API reads; all others go through a query job."""

Opened: TypeAlias = "tuple[int, pa.Schema, Iterable[pa.RecordBatch]]"
"""The bytes that BigQuery says it scans or bills (0 if it does not say), the schema, and the batches."""


class TableRead:
    """One pass over a table's rows, as record batches of the selected columns.

    There is at least one batch, perhaps an empty one. While the iteration goes on, and after it, `rows` and `bytes` say
    how much was read; `bytes` is what BigQuery says that it scans or bills, else the size of the batches in memory.
    """

    def __init__(
        self,
        bigquery: BigQuery,
        table: TableDescription,
        columns: Sequence[str],
        since: datetime | None,
        snapshot: datetime | None,
        streams: int,
    ) -> None:
        """Prepare the pass; nothing is sent before the iteration begins."""
        self.table = table
        self.columns = tuple(columns)
        self.rows = 0
        self.bytes = 0
        self._bigquery = bigquery
        self._since = since if _has_cursor(table) else None
        self._snapshot = snapshot
        self._max_streams = streams
        self._subject = bigquery.subject(table.dataset, table.table)
        self._opening: Future[Opened] | None = None

    def open(self, executor: Executor) -> None:
        """Have the session opened before the first row is wanted: of several tables at once.

        What goes wrong is raised by the iteration. The query of a view waits for that too: it may take long and costs.
        """
        if self.table.kind in STORED_KINDS:
            import google.cloud.bigquery_storage_v1  # noqa: F401 - by one thread alone

            self._opening = executor.submit(self._table, self._snapshot)

    def __iter__(self) -> "Iterator[pa.RecordBatch]":
        """The batches, in no particular order; ending early breaks off the reading.

        Raises:
            TableNotFound: the table went away since it was described.
            AccessDenied: the account may see the table but not read it.
            LimitExceeded: a view would cost more than BIGQUERY_MAXIMUM_BYTES_BILLED.
            Unavailable: BigQuery was not reachable, or broke off again and again.
            SourceError: BigQuery refused for another reason.
        """
        self.rows = self.bytes = 0
        with explained(self._subject):
            if self.table.kind in STORED_KINDS:
                yield from self._stored()
            else:
                yield from self._pass(self._view())

    def _stored(self) -> "Iterator[pa.RecordBatch]":
        """Read by the Storage Read API, once more from the beginning where the session came to its end before its rows.

        A session ends after some hours, and when its table is replaced. Batches that were handed on come again then,
        which the upsert by key that follows makes harmless.
        """
        from google.api_core.exceptions import FailedPrecondition, NotFound

        opening, self._opening = self._opening, None  # a session is good for one pass
        try:
            yield from self._pass(opening.result() if opening is not None else self._table(self._snapshot))
        except (FailedPrecondition, NotFound) as error:
            logger.warning("Reading %s anew, as it is now: %s", self._subject, error.message)
            yield from self._pass(self._table(None))

    def _pass(self, opened: Opened) -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa

        scanned, schema, batches = opened
        before, in_memory, iterator = self.bytes, 0, iter(batches)
        nothing_yet = self.rows == 0
        try:
            for batch in iterator:
                self.rows += batch.num_rows
                in_memory += batch.nbytes
                self.bytes = before + (scanned or in_memory)
                yield batch
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
        self.bytes = before + (scanned or in_memory)
        if nothing_yet and self.rows == 0:
            yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)

    def _table(self, snapshot: datetime | None) -> Opened:
        table = self.table
        session = self._create_session(
            _path(table.project, table.dataset, table.table),
            restriction=restriction(self._since) if self._since is not None else "",
            snapshot=snapshot,
        )
        return session.estimated_total_bytes_scanned, *self._streams_of(session)

    def _view(self) -> Opened:
        import pyarrow as pa
        from google.api_core.exceptions import NotFound

        job = self._query()
        billed = job.total_bytes_billed or 0
        result: Any = job.destination
        try:
            session = self._create_session(_path(result.project, result.dataset_id, result.table_id))
        except NotFound:
            # An emulator keeps results out of the Read API's sight; over REST they come slowly, but they come.
            rows = job.result(retry=self._bigquery.retry, timeout=QUERY_SECONDS)
            if not rows.total_rows:
                return billed, rows.to_arrow(create_bqstorage_client=False).schema, ()
            return billed, pa.schema([]), rows.to_arrow_iterable()
        return billed, *self._streams_of(session)

    def _streams_of(self, session: "ReadSession") -> "tuple[pa.Schema, Iterable[pa.RecordBatch]]":
        import pyarrow as pa

        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        names = [stream.name for stream in session.streams]
        patience = self._bigquery.settings.bigquery_stall_seconds
        return schema, StreamsRead(self._bigquery.storage, names, schema, stall_seconds=patience)

    def _create_session(self, path: str, restriction: str = "", snapshot: datetime | None = None) -> "ReadSession":
        from google.cloud.bigquery_storage_v1.types import ArrowSerializationOptions, DataFormat, ReadSession

        # BigQuery accepts one kind of compression, Arrow's own or the response's; pyarrow undoes the first by itself.
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
            parent=f"projects/{self._bigquery.project}",
            read_session=wanted,
            max_stream_count=self._max_streams,
            retry=_storage_retry(self._bigquery.retry_seconds),
            timeout=REQUEST_SECONDS,
        )

    def _query(self) -> "QueryJob":
        """Run the query job of a view or an external table to its end."""
        statement, parameters = self._statement()
        return run_query(self._bigquery, self.table, statement, parameters)

    def _statement(self) -> "tuple[str, list[ScalarQueryParameter]]":
        from google.cloud.bigquery import ScalarQueryParameter

        table = self.table
        columns = ", ".join(quoted(column) for column in self.columns)
        statement = f"SELECT {columns} FROM {quoted_path(table)}"
        if self._since is None:
            return statement, []
        cursor = quoted(CURSOR)
        statement += f" WHERE {cursor} >= @since OR {cursor} IS NULL"
        return statement, [ScalarQueryParameter("since", "TIMESTAMP", self._since)]


def read(
    bigquery: BigQuery,
    table: TableDescription,
    *,
    since: datetime | None = None,
    snapshot: datetime | None = None,
    columns: Sequence[str] | None = None,
    streams: int = 1,
) -> TableRead:
    """Read a table.

    Args:
        bigquery: where from.
        table: as `describe` gave it.
        since: only rows that Fivetran processed at or after this time, and those without such a time; None reads all,
            and so does a table that has no `_fivetran_synced TIMESTAMP`.
        snapshot: the table as it was at this time; None is now. Views and external tables are always read as of now.
        columns: the columns to read, in any order; None reads all. Batches have them in the table's order.
        streams: how many streams are read at once, at most.

    Raises:
        SourceError: the table has no such columns, or no columns at all.
        ValueError: a time does not know its time zone.
    """
    if any(moment is not None and moment.tzinfo is None for moment in (since, snapshot)):
        raise ValueError("since and snapshot must know their time zone")
    known = table.columns
    missing = [column for column in columns or () if column not in known]
    if missing:
        raise SourceError(f"{table} has no column {', '.join(missing)}. It has {', '.join(known)}.")
    wanted = [column for column in known if columns is None or column in columns]
    if not wanted:
        raise SourceError(f"{table} has no columns to read. Is Fivetran still creating it?")
    return TableRead(bigquery, table, wanted, since, snapshot, streams)


def restriction(since: datetime) -> str:
    """The Storage Read API's filter for rows processed since then; it takes no parameters, so the time is a literal."""
    moment = since.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")
    cursor = quoted(CURSOR)
    return f"{cursor} >= TIMESTAMP '{moment}' OR {cursor} IS NULL"


def _path(project: str, dataset: str, table: str) -> str:
    return f"projects/{project}/datasets/{dataset}/tables/{table}"


def _has_cursor(table: TableDescription) -> bool:
    field = table.field(CURSOR)
    return field is not None and field.type == "TIMESTAMP" and not field.repeated


def _storage_retry(seconds: float) -> "Retry":
    from google.api_core import exceptions
    from google.api_core.retry import Retry, if_exception_type

    passing = if_exception_type(
        exceptions.ServerError,  # UNAVAILABLE, INTERNAL, UNKNOWN, DEADLINE_EXCEEDED
        exceptions.TooManyRequests,  # RESOURCE_EXHAUSTED
        exceptions.Aborted,
    )
    return Retry(passing, initial=0.1, maximum=10.0, timeout=seconds)
