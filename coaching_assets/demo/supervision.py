"""Starts a server under a watchdog, waits until it is ready, and stops it at the end."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from coaching_assets.errors import CoachingError

HOST = "127.0.0.1"
POLL_SECONDS = 0.02
SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 30.0
WATCHDOG = Path(__file__).with_name("watchdog.py")

Found = TypeVar("Found")


class ServerFailed(CoachingError):
    """A server did not start; the message names its log, and may end with the log's last lines."""


@contextmanager
def supervised(
    command: list[str], log: Path, lock: int | None = None, user: str | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server under its watchdog, and stop it at the end of the block.

    Args:
        command: the server's program and arguments.
        log: file that the server's output is appended to; the server runs in its folder.
        lock: descriptor of a file lock that the watchdog holds as long as it runs.
        user: system user to run the server as; None: the current user.
    """
    as_user = ["--user", user] if user else []
    with log.open("ab") as output:
        server = subprocess.Popen(
            [sys.executable, str(WATCHDOG), *as_user, "--", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,
        )
    try:
        yield server
    finally:
        assert server.stdin is not None
        server.stdin.close()
        try:
            server.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until(
    server: "subprocess.Popen[bytes]", log: Path, ready: Callable[[], Found | None], seconds: float = SECONDS_TO_START
) -> Found:
    """Poll `ready` until it returns a value, and return that.

    Args:
        server: the process; the wait ends if it ends.
        log: the server's log, for the error message.
        ready: returns None as long as the server is not ready.
        seconds: the longest wait.

    Raises:
        ServerFailed: the server ended or did not become ready in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        status = server.poll()
        found = ready() if status is None else None
        if found is not None:
            return found
        if status is not None or time.monotonic() > deadline:
            reason = f"ended with status {status}" if status is not None else f"not ready after {seconds:.0f} s"
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
            raise ServerFailed(f"{log.stem} {reason}. The last lines of {log}:\n{tail}")
        time.sleep(POLL_SECONDS)


def answers(port: int, path: str) -> bool:
    """Whether a local web server answers the request with status 200."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port(other_than: int | None = None) -> int:
    """Find a port of this machine that nothing listens on."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port != other_than:
            return port
