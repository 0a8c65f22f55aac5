"""BigQuery's Storage Read API with faults in between: breaks chosen calls, and honours offsets as BigQuery does.

The emulator ignores the offset of ReadRows; here a stream comes in small messages, from the row that was asked for on.
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
    CreateReadSessionRequest,
    ReadRowsRequest,
    ReadRowsResponse,
    ReadSession,
)

SERVICE = "/google.cloud.bigquery.storage.v1.BigQueryRead/"
CREATE, READ = f"{SERVICE}CreateReadSession", f"{SERVICE}ReadRows"
ROWS_IN_MESSAGE = 5
STORAGE = "BIGQUERY_STORAGE_EMULATOR_HOST"

Answer = TypeVar("Answer")


@dataclass
class ReadFault:
    """What becomes of the calls about one table.

    `code` None lets the call stall instead. `after` so many rows of a stream; None before there is a session. `before`
    is done first: whatever else is to happen at that moment.
    """

    table: str
    code: grpc.StatusCode | None
    after: int | None = 0
    times: int = 1
    message: str = "said by the test"
    before: Callable[[], object] | None = None


@dataclass
class ReadApi(grpc.GenericRpcHandler):
    """A server before the emulator's; `rows_sent` counts by table, `offsets` are those that were asked for.

    `all_columns` asks the emulator for no column by name: it refuses names that BigQuery takes.
    """

    channel: grpc.Channel
    faults: list[ReadFault] = field(default_factory=list)
    injected: int = 0
    all_columns: bool = False
    rows_sent: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    offsets: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _streams: dict[str, tuple[str, pa.Schema]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Answer both of the API's calls."""
        if details.method == CREATE:
            return grpc.unary_unary_rpc_method_handler(
                self._create, CreateReadSessionRequest.deserialize, ReadSession.serialize
            )
        return grpc.unary_stream_rpc_method_handler(self._read, ReadRowsRequest.deserialize, ReadRowsResponse.serialize)

    def _create(self, request: CreateReadSessionRequest, context: grpc.ServicerContext) -> ReadSession:
        table = request.read_session.table.rpartition("/")[2]
        if (fault := self._fault(table, lambda fault: fault.after is None)) is not None:
            self._strike(fault, context)
        if self.all_columns:
            request.read_session.read_options.selected_fields = []
        call = self.channel.unary_unary(CREATE, CreateReadSessionRequest.serialize, ReadSession.deserialize)
        session: ReadSession = self._passed_on(
            context, lambda: call(request, metadata=[("x-goog-request-params", f"read_session.table={table}")])
        )
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        self._streams |= {stream.name: (table, schema) for stream in session.streams}
        return session

    def _read(self, request: ReadRowsRequest, context: grpc.ServicerContext) -> Iterator[ReadRowsResponse]:
        table, schema = self._streams[request.read_stream]
        self.offsets[table].append(request.offset)
        place = 0
        for batch in self._batches(request, schema, context):
            if (
                fault := self._fault(table, lambda fault, at=place: fault.after is not None and at >= fault.after)
            ) is not None:
                self._strike(fault, context)
            if place + batch.num_rows > request.offset:
                rest = batch.slice(max(request.offset - place, 0))
                arrow = ArrowRecordBatch(serialized_record_batch=rest.serialize().to_pybytes())
                self.rows_sent[table] += rest.num_rows
                yield ReadRowsResponse(arrow_record_batch=arrow, row_count=rest.num_rows)
            place += batch.num_rows

    def _batches(
        self, request: ReadRowsRequest, schema: pa.Schema, context: grpc.ServicerContext
    ) -> Iterator[pa.RecordBatch]:
        call = self.channel.unary_stream(READ, ReadRowsRequest.serialize, ReadRowsResponse.deserialize)
        for message in self._passed_on(context, lambda: list(call(ReadRowsRequest(read_stream=request.read_stream)))):
            batch = pa.ipc.read_record_batch(pa.py_buffer(message.arrow_record_batch.serialized_record_batch), schema)
            for start in range(0, batch.num_rows, ROWS_IN_MESSAGE):
                yield batch.slice(start, ROWS_IN_MESSAGE)

    def _fault(self, table: str, applies: Callable[[ReadFault], bool]) -> ReadFault | None:
        with self._lock:
            for fault in self.faults:
                if fault.table == table and fault.times > 0 and applies(fault):
                    fault.times -= 1
                    self.injected += 1
                    return fault
        return None

    def _strike(self, fault: ReadFault, context: grpc.ServicerContext) -> None:
        if fault.before is not None:
            fault.before()
        if fault.code is not None:
            context.abort(fault.code, fault.message)
        ended = threading.Event()
        context.add_callback(ended.set)
        ended.wait()

    @staticmethod
    def _passed_on(context: grpc.ServicerContext, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())


@contextmanager
def read_api(host: str) -> Iterator[tuple[ReadApi, str]]:
    """Serve before the emulator until the end of the block; yields the address too."""
    with grpc.insecure_channel(host, options=[("grpc.max_receive_message_length", -1)]) as channel:
        api = ReadApi(channel)
        server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[api])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield api, f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()
