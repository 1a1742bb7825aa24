"""A few steps that Ctrl-C must not come between."""

from __future__ import annotations

import signal
import threading
from importlib import import_module
from typing import Any

__all__ = ["Uninterrupted", "handler_of", "set_handler"]

# Below `signal.signal` and `signal.getsignal`, which make enums of all numbers: that takes 20
# times as long, and this is done for each call.
_below: Any = import_module("_signal")
set_handler: Any = _below.signal
handler_of: Any = _below.getsignal


class Uninterrupted:
    """While in it, the main thread's Ctrl-C waits; it comes on the way out. Other threads are
    never interrupted anyway.

    Between two of these steps, it would leave a message sent twice, or a call with nobody.
    """

    def __enter__(self) -> None:
        """Hold Ctrl-C back from here on."""
        self._handler: Any = None
        self._held_back: Any = None
        if threading.current_thread() is threading.main_thread():
            handler = handler_of(signal.SIGINT)
            if callable(handler):  # Python's own or the user's; without one, nothing is raised
                self._handler = handler
                set_handler(signal.SIGINT, self._hold_back)

    def _hold_back(self, number: int, frame: object) -> None:
        self._held_back = (number, frame)

    def __exit__(self, *_: object) -> None:
        """Let it through."""
        if self._handler is not None:
            set_handler(signal.SIGINT, self._handler)
            if self._held_back is not None:
                self._handler(*self._held_back)
