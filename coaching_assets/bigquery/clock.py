"""BigQuery's clock, as the answers to other requests show it: this machine's own clock may be wrong."""

import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

VALID_SECONDS = 60.0
"""How long an observation is preferred to newer ones. Both clocks run at the same rate for that long."""


class ServerClock:
    """A lower bound of BigQuery's time, correct to about a second, from the `Date` of its answers.

    An answer's `Date` is the time at which it was sent: https://www.rfc-editor.org/rfc/rfc9110#field.date . It has no
    fraction of a second, so several answers together give a better bound. Threads may share the clock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset: float | None = None
        self._observed_at = 0.0

    def observe(self, response: Any, *_: Any, **__: Any) -> None:
        """Note the time of an answer. It is a response hook of `requests`, and ignores what it cannot read."""
        received = time.monotonic()
        try:
            # a second header of that name, which a proxy added, comes after a comma
            sent = response.headers["Date"].partition(" GMT")[0] + " GMT"
            offset = parsedate_to_datetime(sent).timestamp() - received
        except (KeyError, ValueError):
            return
        with self._lock:
            outdated = received - self._observed_at > VALID_SECONDS
            if self._offset is None or outdated or offset > self._offset:
                self._offset, self._observed_at = offset, received

    def now(self) -> datetime:
        """BigQuery's time, or up to about a second earlier; this machine's time if no answer showed BigQuery's."""
        with self._lock:
            offset = self._offset
        return datetime.now(UTC) if offset is None else datetime.fromtimestamp(offset + time.monotonic(), UTC)
