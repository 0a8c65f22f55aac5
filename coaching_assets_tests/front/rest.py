"""An HTTP server that passes requests on to another, unless it answers them itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from coaching_assets_tests.front.behaviour import Request

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date"})
JSON = {"Content-Type": "application/json; charset=UTF-8"}


@dataclass
class Answer:
    """A response to a request."""

    status: int
    headers: dict[str, str]
    content: bytes


@contextmanager
def rest_server(handle: Callable[[Request], Answer]) -> Iterator[str]:
    """Serve until the end of the block; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            answer = handle(Request(self.command, self.path, headers, body))
            self.send_response_only(answer.status)  # the answer has a Date
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the tests say what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def passed_on(request: Request, target: tuple[str, int]) -> Answer:
    """The answer of the server behind."""
    upstream = HTTPConnection(*target)
    try:
        upstream.request(request.method, request.path, request.body or None, request.headers)
        response = upstream.getresponse()
        content = response.read()
        headers = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
        return Answer(response.status, headers, content)
    finally:
        upstream.close()
