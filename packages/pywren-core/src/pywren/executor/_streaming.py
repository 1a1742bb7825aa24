"""Results as a stream, with a bounded number of calls outstanding."""

from __future__ import annotations

import queue
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from pywren.futures._waiting import cancel_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pywren.futures import ResponseFuture

__all__ = ["as_they_come", "in_order"]


def in_order(
    source: Iterator[ResponseFuture[Any]], window: int, return_exceptions: bool
) -> Iterator[Any]:
    """The results of futures, in order. Taking a future from `source` sends its call."""
    _check_window(window)
    return _in_order(source, window, return_exceptions)


def as_they_come(
    source: Iterator[ResponseFuture[Any]], window: int, return_exceptions: bool
) -> Iterator[Any]:
    """The results of futures, each when it is there."""
    _check_window(window)
    return _as_they_come(source, window, return_exceptions)


def _in_order(
    source: Iterator[ResponseFuture[Any]], window: int, return_exceptions: bool
) -> Iterator[Any]:
    outstanding: deque[ResponseFuture[Any]] = deque()
    try:
        outstanding.extend(islice(source, window))
        while outstanding:
            yield _result(outstanding[0], return_exceptions)
            outstanding.popleft()
            outstanding.extend(islice(source, 1))
    finally:
        _stop(source, outstanding)


def _as_they_come(
    source: Iterator[ResponseFuture[Any]], window: int, return_exceptions: bool
) -> Iterator[Any]:
    outstanding: set[ResponseFuture[Any]] = set()
    ended: queue.SimpleQueue[ResponseFuture[Any]] = queue.SimpleQueue()

    def send(count: int) -> None:
        for future in islice(source, count):
            outstanding.add(future)
            future.add_done_callback(ended.put)

    try:
        send(window)
        while outstanding:
            future = ended.get()
            outstanding.discard(future)
            yield _result(future, return_exceptions)
            send(1)
    finally:
        _stop(source, outstanding)


def _result(future: ResponseFuture[Any], return_exceptions: bool) -> Any:
    if return_exceptions:
        from concurrent.futures import CancelledError

        try:
            error = future.exception()
        except CancelledError as cancelled:
            return cancelled
        return future.result() if error is None else error
    return future.result()


def _stop(source: Any, outstanding: Any) -> None:
    source.close()
    cancel_all(outstanding)


def _check_window(window: object) -> None:
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise ValueError(f"window: expected a whole number from 1 up, found {window!r}")
