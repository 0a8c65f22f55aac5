"""Running a server for as long as this process lives: started under a watchdog, awaited, stopped."""

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
    """A server did not start; the message ends with the last lines of its log."""


@contextmanager
def supervised(
    command: list[str], log: Path, lock: int | None = None, user: str | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server under its watchdog, and stop it at the end.

    Args:
        command: the server's program and arguments.
        log: what it prints is appended here; it runs in this file's folder.
        lock: a descriptor that the watchdog keeps open, and with it locked, for as long as it lives.
        user: the system user to run the server as.
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
    """Wait until `ready` gives something, for so many seconds at most.

    Raises:
        ServerFailed: the server ended, or took too long.
    """
    deadline = time.monotonic() + seconds
    while True:
        status = server.poll()
        found = ready() if status is None else None
        if found is not None:
            return found
        if status is not None or time.monotonic() > deadline:
            what = f"ended with status {status}" if status is not None else f"not ready after {seconds:.0f} s"
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
            raise ServerFailed(f"{log.stem}: {what}. The end of {log}:\n{tail}")
        time.sleep(POLL_SECONDS)


def answers(port: int, path: str) -> bool:
    """Whether a web server of this machine answers there with "OK"."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port(other_than: int | None = None) -> int:
    """A port of this machine that nobody listens on just now."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port != other_than:
            return port
