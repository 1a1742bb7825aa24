"""Executors that nobody shuts down: what happens when the last reference goes, or Python ends.

As at the end of a `with`: the calls that were sent come to their end, then the workers go. If an
exception ends the program, the calls are cancelled.
"""

from __future__ import annotations

import _thread  # noqa: PLC2701 - public, in spite of its name
import atexit
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywren.backends import Backend
    from pywren.executor._courier import Courier
    from pywren.executor._executor import Executor

__all__ = ["Leaving"]

_open: dict[int, Leaving] = {}


class Leaving:
    """How the courier and the backend of an executor come to their end, whoever asks for it."""

    def __init__(self, courier: Courier, backend: Backend) -> None:
        self._courier = courier
        self._backend = backend
        self._process_id = os.getpid()
        self._lock = threading.Lock()
        self._left = False

    @property
    def elsewhere(self) -> bool:
        """Is this a process that was forked from the one that the workers belong to?"""
        return os.getpid() != self._process_id

    def remember(self, executor: Executor) -> None:
        """See to it when Python ends, or when nobody holds the executor any more."""
        if not _open:
            atexit.register(_leave_all)
        _open[id(self)] = self
        weakref.finalize(executor, _orphaned, id(self)).atexit = False

    def leave(self, *, wait: bool) -> None:
        """Wait for the calls that were sent, or don't, and free the workers. Twice is harmless:
        the second to ask returns when the first is done.

        In a done-callback it happens in another thread: this one still has outcomes to bring.
        """
        if self._courier.delivers_here:
            _thread.start_new_thread(self._leave, (wait,))
        else:
            self._leave(wait)

    def _leave(self, wait: bool) -> None:
        from pywren.futures._waiting import cancel_all
        from pywren.futures._waiting import wait as wait_for

        with self._lock:
            if self._left or self.elsewhere:
                return
            try:
                if wait:
                    wait_for(self._courier.pending(), progress=False)
            finally:
                self._backend.close(wait=False)
                if self._backend.pushes_outcomes:  # what comes now comes to nobody
                    cancel_all(self._courier.pending())
                self._courier.close()
                self._left = True
                self._forget()

    def cancel(self) -> None:
        """Cancel what is not over."""
        from pywren.futures._waiting import cancel_all

        cancel_all(self._courier.pending())

    def _forget(self) -> None:
        _open.pop(id(self), None)
        if not _open:
            atexit.unregister(_leave_all)


def _orphaned(key: int) -> None:
    """The executor is gone. This may run inside any other code, so it only starts a thread."""
    leaving = _open.get(key)
    if leaving is not None and not leaving.elsewhere:
        _thread.start_new_thread(leaving.leave, (), {"wait": True})


def _leave_all() -> None:
    failed = getattr(sys, "last_value", None) is not None
    for leaving in list(_open.values()):
        if failed and not leaving.elsewhere:
            leaving.cancel()
        leaving.leave(wait=True)
