"""What a thread waits at until futures have ended."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

__all__ = ["Latch"]


class Latch:
    """Opens when so many futures have ended. Futures call it as they call the standard library's
    waiters. One thread waits.

    It is made of bare locks, whose steps Ctrl-C cannot come in the middle of: an interrupt inside
    of a `threading.Event` can leave its lock taken, and then whoever brings outcomes waits for ever.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._guard = threading.Lock()
        self._closed = threading.Lock()
        self._closed.acquire()
        self._is_open = False

    def add_result(self, future: Future[Any]) -> None:
        """One more future has ended."""
        with self._guard:
            self._count -= 1
            if self._count <= 0 and not self._is_open:
                self._is_open = True
                self._closed.release()

    add_exception = add_cancelled = add_result

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it opens; False if `timeout` seconds pass before."""
        if not self._is_open:
            longest = -1 if timeout is None else max(0.0, min(timeout, threading.TIMEOUT_MAX))
            self._closed.acquire(timeout=longest)
        return self._is_open
