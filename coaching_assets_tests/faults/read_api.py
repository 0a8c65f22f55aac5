"""BigQuery's Storage Read API with faults in between: breaks chosen calls, in streams of small messages."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest

from coaching_assets_tests.front.read import ReadServer, grpc_server

ROWS_IN_MESSAGE = 5
STORAGE = "BIGQUERY_STORAGE_EMULATOR_HOST"


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
class ReadApi(ReadServer):
    """A server before the emulator's.

    `all_columns` asks the emulator for no column by name: it refuses names that BigQuery takes.
    """

    faults: list[ReadFault] = field(default_factory=list)
    injected: int = 0
    all_columns: bool = False

    def opening(self, request: CreateReadSessionRequest, context: grpc.ServicerContext) -> None:
        """Break the call if a fault applies."""
        table = request.read_session.table.rpartition("/")[2]
        if (fault := self._fault(table, lambda fault: fault.after is None)) is not None:
            self._strike(fault, context)
        if self.all_columns:
            request.read_session.read_options.selected_fields = []

    def sending(self, table: str, place: int, context: grpc.ServicerContext) -> None:
        """Break the stream if a fault applies."""
        if (fault := self._fault(table, lambda fault: fault.after is not None and place >= fault.after)) is not None:
            self._strike(fault, context)

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


@contextmanager
def read_api(host: str) -> Iterator[tuple[ReadApi, str]]:
    """Serve before the emulator until the end of the block; yields the address too."""
    with grpc_server(lambda channel: ReadApi(channel, rows_in_message=ROWS_IN_MESSAGE), host) as (api, address):
        assert isinstance(api, ReadApi)
        yield api, address
