"""BigQuery's REST API with errors in between: answers chosen requests itself, and passes all others on."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


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

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if (fault := api.strike(self.path)) is not None:
                self.answer(fault.status, {"Content-Type": "application/json"}, fault.body())
                return
            upstream = HTTPConnection(*api.target)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                upstream.request(self.command, self.path, body or None, headers)
                response = upstream.getresponse()
                content = response.read()
                passed = {n: v for n, v in response.getheaders() if n.lower() not in HOP_BY_HOP}
                self.answer(response.status, passed, content)
            finally:
                upstream.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the tests say what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
