"""Runs one server, and stops it when the parent process ends for any reason.

A separate script, started by `coaching_assets.demo.supervision`. Its standard input is a pipe whose other end only the
parent holds: the pipe closes when the parent stops the server, exits, crashes or is killed. The server then gets
SIGINT, and SIGKILL if it has not ended after a while. It runs in its own session, so that Ctrl-C reaches only the
parent, which may still need the server while it cleans up.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading

SECONDS_TO_STOP = 20.0


def main() -> int:
    """Run the server until it ends or standard input closes, and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--user", help="system user to run the server as")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()

    # a background process of a shell ignores SIGINT, and its children inherit that
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    as_user = {"user": arguments.user, "group": arguments.user, "extra_groups": []} if arguments.user else {}
    server = subprocess.Popen(arguments.command, stdin=subprocess.DEVNULL, **as_user)
    threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGINT))
    return server.wait()


def _stop_at_end_of_input(server: "subprocess.Popen[bytes]") -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.send_signal(signal.SIGINT)
    try:
        server.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    sys.exit(main())
