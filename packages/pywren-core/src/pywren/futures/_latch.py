"""What a thread waits at until futures have ended."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

__all__ = ["Latch"]


class Latch:
    """Opens when so many futures have ended. Futures call it as they call the standard library's
    waiters."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._guard = threading.Lock()
        self._open = threading.Event()

    def add_result(self, future: Future[Any]) -> None:
        """One more future has ended."""
        with self._guard:
            self._count -= 1
            if self._count <= 0:
                self._open.set()

    add_exception = add_cancelled = add_result

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it opens; False if `timeout` seconds pass before."""
        return self._open.wait(timeout)
