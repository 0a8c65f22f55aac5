"""The front server: BigQuery's two APIs before the emulator, with a list of behaviours in between."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TypeVar
from urllib.parse import urlsplit

import grpc
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest, ReadSession

from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.front.behaviour import Behaviour, Request
from coaching_assets_tests.front.errors import ReadError, RestError
from coaching_assets_tests.front.modification_times import ModificationTimes
from coaching_assets_tests.front.read import ReadServer, grpc_server
from coaching_assets_tests.front.referenced_tables import ReferencedTables
from coaching_assets_tests.front.rest import JSON, Answer, passed_on, rest_server
from coaching_assets_tests.front.selected_fields import SelectedFields
from coaching_assets_tests.front.snapshots import SnapshotTimes
from coaching_assets_tests.front.table_kinds import StoredTablesOnly

Added = TypeVar("Added", bound=Behaviour)


@dataclass
class Front:
    """The running pair of servers. `emulator` has its addresses in place of the emulator's own.

    `behaviours` see requests in order and answers too. `ahead` is how much later BigQuery's clock shows than this
    machine's. `requests` are the REST requests so far, as `GET /path`.
    """

    behind: BigQueryEmulator
    emulator: BigQueryEmulator
    behaviours: list[Behaviour] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sessions: list[CreateReadSessionRequest] = field(default_factory=list)
    ahead: timedelta = timedelta()

    def set_clock(self, ahead: timedelta) -> None:
        """Let BigQuery's clock differ: in the header Date, in times of tables and for snapshots."""
        self.ahead = ahead
        for behaviour in self.behaviours:
            if isinstance(behaviour, SnapshotTimes):
                behaviour.clock_offset_ms = ahead // timedelta(milliseconds=1)

    def add(self, behaviour: Added) -> Added:
        """Switch a behaviour on."""
        self.behaviours.append(behaviour)
        return behaviour

    def handle(self, request: Request) -> Answer:
        """Answer a REST request, by a behaviour or by the emulator."""
        self.requests.append(f"{request.method} {request.path}")
        try:
            for behaviour in list(self.behaviours):
                behaviour.before_request(request)
        except RestError as error:
            return Answer(error.status, JSON, error.body())
        parts = urlsplit(self.behind.rest_url)
        answer = passed_on(request, (str(parts.hostname), int(parts.port or 80)))
        # a resumable upload goes on at this address
        answer.headers = {n: v.replace(self.behind.rest_url, self.emulator.rest_url) for n, v in answer.headers.items()}
        answer.headers["Date"] = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        if answer.status < 300:
            self._amend(request, answer)
        return answer

    def _amend(self, request: Request, answer: Answer) -> None:
        try:
            content = json.loads(answer.content or b"{}")
        except ValueError:
            return
        if isinstance(content, dict):
            for behaviour in list(self.behaviours):
                behaviour.after_request(request, content)
            for name in {"creationTime", "lastModifiedTime"} & content.keys():
                content[name] = str(int(content[name]) + self.ahead // timedelta(milliseconds=1))
            answer.content = json.dumps(content).encode() if answer.content else b""


@dataclass
class FrontReads(ReadServer):
    """The Storage Read API with the front's behaviours."""

    front: Front | None = None

    def opening(self, request: CreateReadSessionRequest, context: grpc.ServicerContext) -> None:
        """Let every behaviour see the request."""
        assert self.front is not None
        self.front.sessions.append(request)
        try:
            for behaviour in list(self.front.behaviours):
                behaviour.before_session(request)
        except ReadError as error:
            context.abort(error.code, error.message)

    def opened(self, request: CreateReadSessionRequest, session: ReadSession) -> None:
        """Let every behaviour see the session."""
        assert self.front is not None
        for behaviour in list(self.front.behaviours):
            behaviour.after_session(request, session)


@contextmanager
def front_server(emulator: BigQueryEmulator) -> Iterator[Front]:
    """Serve before the emulator until the end of the block, with the behaviours that hold for every table."""
    front = Front(emulator, emulator)
    with (
        rest_server(front.handle) as rest_url,
        grpc_server(lambda channel: FrontReads(channel, front=front), emulator.grpc_host) as (_, grpc_host),
    ):
        front.emulator = replace(emulator, rest_url=rest_url, grpc_host=grpc_host)
        front.add(ModificationTimes())
        front.add(ReferencedTables())
        front.add(StoredTablesOnly(emulator))
        front.add(SelectedFields(emulator))
        front.add(SnapshotTimes(emulator))
        yield front
