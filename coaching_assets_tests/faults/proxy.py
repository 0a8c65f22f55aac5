"""A TCP proxy that breaks connections: delays them, cuts them, stalls them, resets them after so many bytes."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

HOST = "127.0.0.1"
CHUNK = 16 * 1024


@dataclass
class Proxy:
    """What it does to the connections may be changed at any time; a fault strikes so many times and not again."""

    target: tuple[str, int]
    latency: float = 0.0
    """Seconds that each piece of data is held up, in both directions."""
    injected: int = 0
    """How often a fault struck."""
    accepted: int = 0
    """Connections so far."""
    _listener: socket.socket = field(init=False)
    _pairs: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _to_reset: list[tuple[str, int]] = field(default_factory=list)
    _stalled: threading.Event = field(default_factory=threading.Event)
    _passed: dict[str, int] = field(default_factory=lambda: {"up": 0, "down": 0})

    def __post_init__(self) -> None:
        """Listen; `start` accepts."""
        self._listener = socket.create_server((HOST, 0))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def reset_after(self, count: int, direction: str = "up", *, times: int = 1) -> None:
        """Reset all connections once so many bytes have passed, to the server (`up`) or from it (`down`)."""
        with self._lock:
            self._passed = {"up": 0, "down": 0}
            self._to_reset = [(direction, count)] * times

    def cut(self) -> None:
        """Reset all connections now."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
            self.injected += 1
        for pair in pairs:
            for end in pair:
                _reset(end)

    def stall(self) -> None:
        """Hold all data back, on connections that are open and new ones, until `flow`."""
        self.injected += 1
        self._stalled.set()

    def flow(self) -> None:
        """Let data through again."""
        self._stalled.clear()

    def serve(self) -> None:
        """Accept connections until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                server = socket.create_connection(self.target)
            except OSError:
                _reset(client)
                continue
            with self._lock:
                self._pairs.append((client, server))
            for source, sink, direction in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self._pump, args=(source, sink, direction), daemon=True).start()

    def close(self) -> None:
        """Stop listening, and reset what is open."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        try:
            while data := source.recv(CHUNK):
                while self._stalled.is_set():
                    time.sleep(0.02)
                if self.latency:
                    time.sleep(self.latency)
                if self._strikes(direction, len(data)):
                    self.cut()
                    return
                sink.sendall(data)
        except OSError:
            pass
        with self._lock:
            self._pairs = [pair for pair in self._pairs if source not in pair]
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _strikes(self, direction: str, count: int) -> bool:
        with self._lock:
            self._passed[direction] += count
            if not self._to_reset or self._to_reset[0][0] != direction:
                return False
            if self._passed[direction] < self._to_reset[0][1]:
                return False
            self._to_reset.pop(0)
            self._passed[direction] = 0
            return True


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    """A proxy before a server, until the end of the block."""
    between = Proxy((host, port))
    thread = threading.Thread(target=between.serve, daemon=True)
    thread.start()
    try:
        yield between
    finally:
        between.close()
        thread.join()


def _reset(end: socket.socket) -> None:
    """Close with a TCP reset instead of an orderly end."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # another thread may sit in recv, which a mere close would not wake
        end.shutdown(socket.SHUT_RD)
    end.close()
