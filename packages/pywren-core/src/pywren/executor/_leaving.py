"""What happens to executors that are still open when Python ends: as at the end of a `with`."""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywren.executor._executor import Executor

__all__ = ["forget", "remember"]

_open: dict[int, Executor] = {}


def remember(executor: Executor) -> None:
    """See to this executor when Python ends. Until then it is kept: its calls are the user's,
    even if nobody holds it any more."""
    if not _open:
        atexit.register(_leave)
    _open[id(executor)] = executor


def forget(executor: Executor) -> None:
    """It was shut down."""
    _open.pop(id(executor), None)
    if not _open:
        atexit.unregister(_leave)


def _leave() -> None:
    """Wait for calls that were sent, unless an exception ends the program."""
    failed = getattr(sys, "last_value", None) is not None
    for executor in list(_open.values()):
        executor.shutdown(wait=True, cancel_futures=failed)
