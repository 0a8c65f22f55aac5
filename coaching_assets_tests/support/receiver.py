"""An HTTP server that alerts are sent to, which keeps what it was sent and can be told to refuse."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

SECRETS = ("sesame-open", "hidden-path", "somebody")
"""What nobody may see of a receiver's URL."""


class Receiver:
    """What was accepted, each message as apprise's `json://` sends it: title, message, type."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []
        self.refuses = False
        self.asked = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.asked += 1
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if not receiver.refuses:
                    receiver.messages.append(json.loads(content))
                self.send_response(503 if receiver.refuses else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The test says what it wants to see."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"json://somebody:sesame-open@127.0.0.1:{self.server.server_port}/hidden-path"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]

    def take(self) -> list[dict[str, str]]:
        """What came since the last call."""
        taken, self.messages = self.messages, []
        return taken


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()
