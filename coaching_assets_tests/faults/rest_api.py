"""BigQuery's REST API with errors in between: answers chosen requests itself, and passes all others on."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from coaching_assets_tests.front.behaviour import Request
from coaching_assets_tests.front.rest import JSON, Answer, passed_on, rest_server


@dataclass
class RestFault:
    """An answer to requests whose path ends so, as many times as said; status and reason are BigQuery's."""

    path_end: str
    status: int
    reason: str
    times: int = 1_000_000

    def body(self) -> bytes:
        """What BigQuery sends with such a status."""
        message = f"{self.reason}: said by the test"
        error = {"code": self.status, "message": message, "errors": [{"reason": self.reason, "message": message}]}
        return json.dumps({"error": error}).encode()


@dataclass
class RestApi:
    """A server before the emulator's."""

    target: tuple[str, int]
    faults: list[RestFault] = field(default_factory=list)
    injected: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> Answer:
        """Answer with a fault, or as the emulator does."""
        if (fault := self.strike(request.path)) is not None:
            return Answer(fault.status, JSON, fault.body())
        return passed_on(request, self.target)

    def strike(self, path: str) -> RestFault | None:
        """The fault that is to answer a request, if any."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and path.partition("?")[0].endswith(fault.path_end):
                    fault.times -= 1
                    self.injected += 1
                    return fault
        return None


@contextmanager
def rest_api(host: str, port: int) -> Iterator[tuple[RestApi, str]]:
    """Serve before the emulator until the end of the block; yields the address too."""
    api = RestApi((host, port))
    with rest_server(api.handle) as address:
        yield api, address
