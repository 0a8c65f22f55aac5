"""Reads the streams of a Storage Read API session concurrently, one thread each, into one queue of bounded size."""

import random
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pyarrow as pa
from google.api_core.exceptions import GoogleAPICallError, ResourceExhausted, from_grpc_error
from google.api_core.gapic_v1.routing_header import to_grpc_metadata
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.types import ReadRowsRequest
from google.rpc.error_details_pb2 import RetryInfo

from coaching_assets.bigquery.memory import trimmed
from coaching_assets.bigquery.messages import record_batch

READ_ROWS = "/google.cloud.bigquery.storage.v1.BigQueryRead/ReadRows"

MAX_QUEUED_BYTES = 16 * 1024**2
MAX_QUEUED_BATCHES = 32
MAX_BATCH_BYTES = 16 * 1024**2
"""Larger batches are passed on in slices, so that later stages need little memory too."""

MAX_ATTEMPTS = 5
"""Consecutive attempts of a stream that fail without a message before the read fails."""
FIRST_PAUSE_SECONDS = 0.25
TRANSIENT = frozenset(
    {"UNAVAILABLE", "UNKNOWN", "INTERNAL", "ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
)
"""The gRPC status codes after which a stream is resumed: https://grpc.io/docs/guides/status-codes/"""


class StreamsRead:
    """Iterates over the batches of several streams, in any order.

    A stream that breaks is resumed at the row after the last one received. BigQuery honours that offset. A server that
    ignores it delivers rows twice, which is harmless because the load that follows is an upsert by key. Google's own
    `BigQueryReadClient.read_rows` resumes too, but cannot be stopped while it waits, and retries for a day:
    https://cloud.google.com/python/docs/reference/bigquerystorage/latest
    """

    def __init__(
        self,
        client: BigQueryReadClient,
        names: Sequence[str],
        schema: pa.Schema,
        *,
        stall_seconds: float,
        max_queued_bytes: int = MAX_QUEUED_BYTES,
    ) -> None:
        """Prepare to read the streams. The iteration starts the threads.

        Args:
            client: the client of the Storage Read API.
            names: the names of the session's streams.
            schema: the session's schema.
            stall_seconds: after this time without a message, all calls are cancelled and resumed. The time doubles
                until a message arrives: a stream may be silent for long because hardly any row matches its filter.
            max_queued_bytes: the size of the queue. A single batch may be larger.
        """
        self._client = client
        self._names = names
        self._schema = schema
        self._max_queued_bytes = max_queued_bytes
        self._stall_seconds = self._patience = stall_seconds
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._queue: deque[pa.RecordBatch] = deque()
        self.queued_bytes = 0
        self._running = 0
        self._error: BaseException | None = None
        self._calls: dict[str, Any] = {}
        self._given_up: set[Any] = set()
        self._threads: list[threading.Thread] = []

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches. Ending the iteration early, or an error in any stream, ends all threads.

        Raises:
            GoogleAPICallError: a stream failed with a permanent error, or too many times.
        """
        self._start()
        try:
            yield from trimmed(self._batches())
        finally:
            self.close()

    def close(self) -> None:
        """Cancel the calls and wait for the threads, which end once they have decoded their current message."""
        self._closing.set()
        with self._changed:
            calls = list(self._calls.values())
            self._queue.clear()
            self._changed.notify_all()
        for call in calls:
            call.cancel()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _start(self) -> None:
        self._running = len(self._names)
        for number, name in enumerate(self._names):
            thread = threading.Thread(target=self._run, args=(name,), name=f"bigquery-stream-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while (batch := self._take()) is not None:
            yield batch

    def _take(self) -> pa.RecordBatch | None:
        """The next batch; None once all streams have ended."""
        with self._changed:
            while not self._queue and self._running and self._error is None:
                if not self._changed.wait(self._patience):
                    self._give_up_calls()
            if self._error is not None:
                raise self._error
            if not self._queue:
                return None
            batch = self._queue.popleft()
            self.queued_bytes -= batch.nbytes
            self._changed.notify_all()
            return batch

    def _give_up_calls(self) -> None:
        self._patience *= 2
        self._given_up.update(self._calls.values())
        for call in self._calls.values():
            call.cancel()

    def _note_life(self) -> None:
        """Restart the stall time, because a stream delivered a message."""
        with self._changed:
            self._patience = self._stall_seconds
            self._changed.notify_all()

    def _put(self, batch: pa.RecordBatch) -> None:
        """Queue a batch once there is room. An empty queue takes a batch of any size."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing.is_set() or self._has_room_for(batch))
            if not self._closing.is_set():
                self._queue.append(batch)
                self.queued_bytes += batch.nbytes
                self._changed.notify_all()

    def _has_room_for(self, batch: pa.RecordBatch) -> bool:
        return not self._queue or (
            len(self._queue) < MAX_QUEUED_BATCHES and self.queued_bytes + batch.nbytes <= self._max_queued_bytes
        )

    def _run(self, name: str) -> None:
        """Read one stream in a thread, and record its error."""
        error: BaseException | None = None
        try:
            self._read_to_the_end(name)
        except BaseException as caught:
            error = caught
        with self._changed:
            self._running -= 1
            if error is not None and self._error is None and not self._closing.is_set():
                self._error = error
            self._changed.notify_all()

    def _read_to_the_end(self, name: str) -> None:
        offset = attempts = 0
        while not self._closing.is_set():
            call = self._call(name, offset)
            try:
                for message in call:
                    attempts = 0
                    offset += self._pass_on(message)
                    del message  # It is as large as its rows, and the next one may take long to arrive.
                    if self._closing.is_set():
                        return
                return
            except grpc.RpcError as error:
                attempts = self._wait_before_resuming(call, error, attempts)

    def _wait_before_resuming(self, call: Any, error: grpc.RpcError, attempts: int) -> int:
        """Wait as long as the error demands; return the number of attempts in a row that delivered nothing.

        Calls that this reader cancelled, and calls that BigQuery asks to repeat later, do not count. Google's own
        client repeats those too, however often: https://github.com/googleapis/python-bigquery-storage, `reader.py`.

        Raises:
            GoogleAPICallError: the error is permanent, or the last attempt failed.
        """
        if call in self._given_up:
            self._given_up.discard(call)
            return attempts
        translated = from_grpc_error(error)  # type: ignore[no-untyped-call]
        delay = _demanded_delay(translated)
        if delay is not None:
            self._closing.wait(delay)
            return attempts
        if error.code().name not in TRANSIENT or attempts + 1 >= MAX_ATTEMPTS:
            raise translated from error
        self._closing.wait(FIRST_PAUSE_SECONDS * 2 ** (attempts + 1) * random.uniform(0.5, 1.0))
        return attempts + 1

    def _pass_on(self, message: bytes) -> int:
        """Queue a message's rows; returns their number."""
        self._note_life()
        batch = record_batch(message, self._schema)
        if batch is None:
            return 0
        for part in slices(batch):
            self._put(part)
        return int(batch.num_rows)

    def _call(self, name: str, offset: int) -> Any:
        request = ReadRowsRequest(read_stream=name, offset=offset)
        metadata = [to_grpc_metadata((("read_stream", name),))]  # type: ignore[no-untyped-call]
        transport: Any = self._client.transport
        # The transport's own method would parse the message and copy its rows; see messages.py.
        read_rows = transport.grpc_channel.unary_stream(READ_ROWS, request_serializer=ReadRowsRequest.serialize)
        call = read_rows(request, metadata=metadata)
        with self._changed:
            self._calls[name] = call
        if self._closing.is_set():
            call.cancel()
        return call


def _demanded_delay(error: GoogleAPICallError) -> float | None:
    """The seconds after which BigQuery asks to repeat the call; None if it does not.

    https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.rpc#retryinfo
    """
    if not isinstance(error, ResourceExhausted):
        return None
    delays = [detail.retry_delay for detail in error.details if isinstance(detail, RetryInfo)]
    return max(0.0, delays[0].seconds + delays[0].nanos / 1e9) if delays else None


def slices(batch: pa.RecordBatch, max_bytes: int = MAX_BATCH_BYTES) -> Iterator[pa.RecordBatch]:
    """The batch in slices of about `max_bytes` and at least one row, without a copy."""
    rows = max(1, batch.num_rows * max_bytes // max(batch.nbytes, 1))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
