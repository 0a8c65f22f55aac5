"""Two small HTTP servers: one that hands out Google's access tokens, and a proxy that connects to nothing."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class TokenServer:
    """Google's token endpoints. `requests` are the paths and bodies that it received; each path has its own token."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, object]]] = []
        self.errors: dict[str, tuple[int, dict[str, object]]] = {}
        """Status and body in place of a token, by path."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"])).decode()
                as_json = content.startswith("{")
                body = json.loads(content) if as_json else {k: v[0] for k, v in parse_qs(content).items()}
                server.requests.append((self.path, body))
                status, answer = server.errors.get(self.path, (200, server.token(self.path)))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                """The tests say what matters."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]

    @staticmethod
    def token(path: str) -> dict[str, object]:
        """A token in the formats of all three endpoints.

        OAuth: https://developers.google.com/identity/protocols/oauth2/service-account#httprest ; STS:
        https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token ; impersonation:
        https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
        """
        token = f"token-of{path.replace('/', '-').replace(':', '-')}"
        oauth = {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}
        sts = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
        return oauth | sts | {"accessToken": token, "expireTime": "2099-01-01T00:00:00Z"}


class ConnectProxy:
    """A proxy for HTTPS that notes the addresses in `targets`, and answers each with `status`."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.status = 403
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                proxy.targets.append(self.path)
                self.send_response(proxy.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The tests say what matters."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"


@contextmanager
def token_server() -> Iterator[TokenServer]:
    """Serve until the end of the block."""
    server = TokenServer()
    with serving(server.http):
        yield server


@contextmanager
def connect_proxy() -> Iterator[ConnectProxy]:
    """Serve until the end of the block."""
    proxy = ConnectProxy()
    with serving(proxy.http):
        yield proxy


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """Run a server in a thread until the end of the block."""
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
