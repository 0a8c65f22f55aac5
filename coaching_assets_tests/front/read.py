"""A Storage Read API that passes calls on, and honours offsets and compression as BigQuery does.

The emulator ignores the offset of ReadRows and compresses nothing; here a stream comes in small messages, from the row
that was asked for on: https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1.types import (
    ArrowRecordBatch,
    ArrowSerializationOptions,
    CreateReadSessionRequest,
    ReadRowsRequest,
    ReadRowsResponse,
    ReadSession,
)

SERVICE = "/google.cloud.bigquery.storage.v1.BigQueryRead/"
CREATE, READ = f"{SERVICE}CreateReadSession", f"{SERVICE}ReadRows"
LZ4 = ArrowSerializationOptions.CompressionCodec.LZ4_FRAME

Found = TypeVar("Found")


@dataclass
class Stream:
    """A stream of a read session."""

    table: str
    schema: pa.Schema
    compressed: bool


@dataclass
class ReadServer(grpc.GenericRpcHandler):
    """A server before another; `sessions` and `rows_sent` count by table, `offsets` are those that were asked for."""

    channel: grpc.Channel
    rows_in_message: int = 1_000
    sessions: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    rows_sent: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    offsets: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _streams: dict[str, Stream] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def opening(self, request: CreateReadSessionRequest, context: grpc.ServicerContext) -> None:
        """See a request before it is passed on."""

    def opened(self, request: CreateReadSessionRequest, session: ReadSession) -> None:
        """See a session before it is returned."""

    def sending(self, table: str, place: int, context: grpc.ServicerContext) -> None:
        """See that the rows of a table's stream from this place on are to be sent."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Answer both of the API's calls."""
        if details.method == CREATE:
            return grpc.unary_unary_rpc_method_handler(
                self._create, CreateReadSessionRequest.deserialize, ReadSession.serialize
            )
        return grpc.unary_stream_rpc_method_handler(self._read, ReadRowsRequest.deserialize, ReadRowsResponse.serialize)

    def _create(self, request: CreateReadSessionRequest, context: grpc.ServicerContext) -> ReadSession:
        table = request.read_session.table.rpartition("/")[2]
        self.opening(request, context)
        call = self.channel.unary_unary(CREATE, CreateReadSessionRequest.serialize, ReadSession.deserialize)
        session: ReadSession = self._passed_on(
            context, lambda: call(request, metadata=[("x-goog-request-params", f"read_session.table={table}")])
        )
        with self._lock:
            self.sessions[table] += 1
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        options = request.read_session.read_options.arrow_serialization_options
        compressed = options.buffer_compression == LZ4
        self._streams |= {stream.name: Stream(table, schema, compressed) for stream in session.streams}
        self.opened(request, session)
        return session

    def _read(self, request: ReadRowsRequest, context: grpc.ServicerContext) -> Iterator[ReadRowsResponse]:
        stream = self._streams[request.read_stream]
        self.offsets[stream.table].append(request.offset)
        place = 0
        for batch in self._batches(request, stream.schema, context):
            self.sending(stream.table, place, context)
            if place + batch.num_rows > request.offset:
                rest = batch.slice(max(request.offset - place, 0))
                content = lz4(rest) if stream.compressed else rest.serialize().to_pybytes()
                self.rows_sent[stream.table] += rest.num_rows
                arrow = ArrowRecordBatch(serialized_record_batch=content)
                yield ReadRowsResponse(arrow_record_batch=arrow, row_count=rest.num_rows)
            place += batch.num_rows

    def _batches(
        self, request: ReadRowsRequest, schema: pa.Schema, context: grpc.ServicerContext
    ) -> Iterator[pa.RecordBatch]:
        call = self.channel.unary_stream(READ, ReadRowsRequest.serialize, ReadRowsResponse.deserialize)
        for message in self._passed_on(context, lambda: list(call(ReadRowsRequest(read_stream=request.read_stream)))):
            batch = pa.ipc.read_record_batch(pa.py_buffer(message.arrow_record_batch.serialized_record_batch), schema)
            for start in range(0, batch.num_rows, self.rows_in_message):
                yield batch.slice(start, self.rows_in_message)

    @staticmethod
    def _passed_on(context: grpc.ServicerContext, ask: Callable[[], Found]) -> Found:
        try:
            return ask()
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())


def lz4(batch: pa.RecordBatch) -> bytes:
    """The batch as an IPC message with LZ4 buffers, as a session with `buffer_compression` delivers it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(batch)
    messages = list(pa.ipc.MessageReader.open_stream(sink.getvalue()))
    return bytes(messages[-1].serialize().to_pybytes())


@contextmanager
def grpc_server(create: Callable[[grpc.Channel], ReadServer], target: str) -> Iterator[tuple[ReadServer, str]]:
    """Serve before the target until the end of the block; yields the address too."""
    with grpc.insecure_channel(target, options=[("grpc.max_receive_message_length", -1)]) as channel:
        api = create(channel)
        server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[api])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield api, f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()
