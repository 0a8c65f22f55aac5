"""Streams that break, stall or are closed early, on a small gRPC server that honours offsets as BigQuery does."""

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import pyarrow as pa
import pytest
from google.api_core.exceptions import PermissionDenied, ServiceUnavailable
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.types import ArrowRecordBatch, ReadRowsRequest, ReadRowsResponse
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from coaching_assets.bigquery.streams import MAX_ATTEMPTS, StreamsRead, slices

pytestmark = pytest.mark.integration  # it starts a gRPC server

METHOD = "/google.cloud.bigquery.storage.v1.BigQueryRead/ReadRows"
SCHEMA = pa.schema([("stream", pa.string()), ("row", pa.int64())])
ROWS, ROWS_IN_MESSAGE = 1000, 10

Answer = Callable[["ReadServer", ReadRowsRequest, grpc.ServicerContext], Iterator[ReadRowsResponse]]


@dataclass
class ReadServer(grpc.GenericRpcHandler):
    """Serves any stream of 1000 rows, with the fault of one test."""

    answer: Answer
    requests: list[tuple[str, int]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    pause: threading.Event = field(default_factory=threading.Event)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        assert details.method == METHOD
        return grpc.unary_stream_rpc_method_handler(
            self._serve, ReadRowsRequest.deserialize, ReadRowsResponse.serialize
        )

    def _serve(self, request: ReadRowsRequest, context: grpc.ServicerContext) -> Iterator[ReadRowsResponse]:
        self.requests.append((request.read_stream, request.offset))
        yield from self.answer(self, request, context)


def messages(stream: str, start: int, end: int = ROWS) -> Iterator[ReadRowsResponse]:
    for first in range(start, end, ROWS_IN_MESSAGE):
        rows = list(range(first, min(first + ROWS_IN_MESSAGE, end)))
        batch = pa.RecordBatch.from_pydict({"stream": [stream] * len(rows), "row": rows}, schema=SCHEMA)
        arrow = ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())
        yield ReadRowsResponse(arrow_record_batch=arrow, row_count=len(rows))


def breaks_after(count: int, code: grpc.StatusCode) -> Answer:
    def answer(
        server: ReadServer, request: ReadRowsRequest, context: grpc.ServicerContext
    ) -> Iterator[ReadRowsResponse]:
        end = min(request.offset + count, ROWS)
        yield from messages(request.read_stream, request.offset, end)
        if end < ROWS or count == 0:
            context.abort(code, "broken off by the test")

    return answer


def stalls_once(
    server: ReadServer, request: ReadRowsRequest, context: grpc.ServicerContext
) -> Iterator[ReadRowsResponse]:
    if request.offset:
        yield from messages(request.read_stream, request.offset)
        return
    yield from messages(request.read_stream, 0, ROWS // 2)
    server.released.wait()


def exhausted_once(delay: float) -> Answer:
    """Rejects the first requests as BigQuery does when a quota is used up for the moment."""

    def answer(
        server: ReadServer, request: ReadRowsRequest, context: grpc.ServicerContext
    ) -> Iterator[ReadRowsResponse]:
        if len(server.requests) <= 2 * MAX_ATTEMPTS:
            status = Status(code=8, message="Quota exceeded")
            status.details.add().Pack(RetryInfo(retry_delay=Duration(nanos=int(delay * 1e9))))
            context.abort_with_status(rpc_status.to_status(status))
        yield from messages(request.read_stream, request.offset)

    return answer


def reports_progress(
    server: ReadServer, request: ReadRowsRequest, context: grpc.ServicerContext
) -> Iterator[ReadRowsResponse]:
    for _ in range(40):
        context.is_active()
        server.pause.wait(0.02)
        yield ReadRowsResponse(stats={"progress": {"at_response_start": 0.1}}, throttle_state={"throttle_percent": 50})
    yield from messages(request.read_stream, request.offset)


def silent_at_first(calls: int) -> Answer:
    """Scans in silence until it was called this often: a filter that hardly any row matches."""

    def answer(
        server: ReadServer, request: ReadRowsRequest, context: grpc.ServicerContext
    ) -> Iterator[ReadRowsResponse]:
        if len(server.requests) < calls:
            server.released.wait()
            return
        yield from messages(request.read_stream, request.offset)

    return answer


def never_answers(
    server: ReadServer, request: ReadRowsRequest, context: grpc.ServicerContext
) -> Iterator[ReadRowsResponse]:
    server.released.wait()
    yield from ()


@contextmanager
def reading(answer: Answer, names: list[str], **options: float) -> Iterator[tuple[ReadServer, StreamsRead]]:
    handler = ReadServer(answer)
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    client = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    try:
        yield handler, StreamsRead(client, names, SCHEMA, **{"stall_seconds": 180.0} | options)  # type: ignore[arg-type]
    finally:
        handler.released.set()
        channel.close()
        server.stop(None).wait()


def rows_of(streams: StreamsRead) -> list[tuple[str, int]]:
    batches = list(streams)
    return sorted((row["stream"], row["row"]) for batch in batches for row in batch.to_pylist())


def stream_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("bigquery-stream")]


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
def test_a_broken_stream_is_resumed_where_it_broke(code: grpc.StatusCode) -> None:
    with reading(breaks_after(300, code), ["a", "b"]) as (server, streams):
        assert rows_of(streams) == [(name, row) for name in "ab" for row in range(ROWS)]
        assert sorted(server.requests) == [(name, offset) for name in "ab" for offset in (0, 300, 600, 900)]


def test_a_stalled_stream_is_resumed_where_it_stalled() -> None:
    with reading(stalls_once, ["a"], stall_seconds=0.2) as (server, streams):
        assert rows_of(streams) == [("a", row) for row in range(ROWS)]
        assert server.requests == [("a", 0), ("a", ROWS // 2)]


def test_a_stream_that_delivers_nothing_fails_after_the_last_attempt() -> None:
    with reading(breaks_after(0, grpc.StatusCode.UNAVAILABLE), ["a"]) as (server, streams):
        with pytest.raises(ServiceUnavailable):
            list(streams)
        assert server.requests == [("a", 0)] * MAX_ATTEMPTS
    assert stream_threads() == []


def test_bigquery_s_own_delay_is_kept_however_often_it_asks() -> None:
    """As Google's client does: https://github.com/googleapis/python-bigquery-storage, `reader.py`."""
    with reading(exhausted_once(0.01), ["a"]) as (server, streams):
        assert rows_of(streams) == [("a", row) for row in range(ROWS)]
        assert len(server.requests) == 2 * MAX_ATTEMPTS + 1


def test_responses_without_rows_are_skipped_and_show_that_the_stream_is_alive() -> None:
    """`ReadRowsResponse.rows` may be absent: see the reference that `messages.record_batch` names."""
    with reading(reports_progress, ["a"], stall_seconds=0.5) as (server, streams):
        assert rows_of(streams) == [("a", row) for row in range(ROWS)]
        assert server.requests == [("a", 0)]


def test_a_silent_stream_is_given_more_time_and_never_fails() -> None:
    calls = MAX_ATTEMPTS + 3
    with reading(silent_at_first(calls), ["a"], stall_seconds=0.002) as (server, streams):
        assert rows_of(streams) == [("a", row) for row in range(ROWS)]
        assert len(server.requests) >= calls


@pytest.mark.parametrize("codec", ["lz4", "zstd", None])
def test_compressed_batches_are_read(codec: str | None) -> None:
    sink = pa.BufferOutputStream()
    rows = pa.RecordBatch.from_pydict({"stream": ["a"] * ROWS, "row": list(range(ROWS))}, schema=SCHEMA)
    with pa.ipc.new_stream(sink, SCHEMA, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_batch(rows)
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    _, batch = reader.read_next_message(), reader.read_next_message()
    arrow = ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())

    def compressed(
        server: ReadServer, request: ReadRowsRequest, context: grpc.ServicerContext
    ) -> Iterator[ReadRowsResponse]:
        yield ReadRowsResponse(arrow_record_batch=arrow, row_count=ROWS)

    with reading(compressed, ["a"]) as (_, streams):
        assert rows_of(streams) == [("a", row) for row in range(ROWS)]


def test_a_permanent_error_fails_at_once() -> None:
    with reading(breaks_after(100, grpc.StatusCode.PERMISSION_DENIED), ["a", "b"]) as (server, streams):
        with pytest.raises(PermissionDenied):
            list(streams)
        assert len(server.requests) <= 2
    assert stream_threads() == []


def test_closing_ends_streams_that_never_answer() -> None:
    def one_answers(
        server: ReadServer, request: ReadRowsRequest, context: grpc.ServicerContext
    ) -> Iterator[ReadRowsResponse]:
        if request.read_stream == "a":
            yield from messages("a", 0)
        yield from never_answers(server, request, context)

    with reading(one_answers, ["a", "b", "c"]) as (_, streams):
        iterator = iter(streams)
        next(iterator)
        iterator.close()  # type: ignore[attr-defined]
        assert stream_threads() == []


def test_a_slow_consumer_slows_the_streams() -> None:
    """The queue keeps to its limit for any table; a batch over the limit is queued alone."""
    batch = next(messages("a", 0)).arrow_record_batch.serialized_record_batch
    nbytes = pa.ipc.read_record_batch(pa.py_buffer(batch), SCHEMA).nbytes
    for limit in (nbytes * 3, 1):
        with reading(breaks_after(ROWS, grpc.StatusCode.OK), ["a", "b"], max_queued_bytes=limit) as (_, streams):
            highest = total = 0
            for received in streams:
                highest = max(highest, streams.queued_bytes)
                total += received.num_rows
            assert total == 2 * ROWS
            assert highest <= max(limit, nbytes)


def test_large_batches_are_passed_on_in_slices() -> None:
    batch = pa.RecordBatch.from_pydict({"row": range(1000)}, schema=pa.schema([("row", pa.int64())]))
    parts = list(slices(batch, max_bytes=800))
    assert [part.num_rows for part in parts] == [100] * 10
    assert pa.Table.from_batches(parts).equals(pa.Table.from_batches([batch]))
    assert [part.num_rows for part in slices(batch, max_bytes=1)] == [1] * 1000
