"""Waiting for many futures: of several callsets, several executors, several processes at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pywren.futures._given import given_futures
from pywren.futures._latch import Latch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pywren.futures._future import ResponseFuture
    from pywren.futures._progress import Progress

__all__ = [
    "ALL_COMPLETED",
    "ALWAYS",
    "ANY_COMPLETED",
    "as_completed",
    "cancel_all",
    "get_all_results",
    "wait",
]

ALL_COMPLETED: Final = 1
"""`wait` returns when all futures are over."""
ANY_COMPLETED: Final = 2
"""`wait` returns when at least one future is over."""
ALWAYS: Final = 3
"""`wait` looks once and returns."""

_THREADS: Final = 64
_LONGEST_PAUSE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.1
_LOAD_SECONDS: Final = 0.01

T = TypeVar("T")


def wait(
    fs: Iterable[ResponseFuture[T]],
    return_when: int = ALL_COMPLETED,
    THREADPOOL_SIZE: int = _THREADS,
    WAIT_DUR_SEC: float = _LONGEST_PAUSE_SECONDS,
    *,
    timeout: float | None = None,
    progress: bool | None = None,
) -> tuple[list[ResponseFuture[T]], list[ResponseFuture[T]]]:
    """Wait for futures. Return those that are over and those that are not, each in input order.

    Nothing is raised for a call that failed, and no result is fetched: `result` does that.

    Args:
        fs: futures, of any number of callsets and executors; one that is in it twice counts
            once.
        return_when: `ALL_COMPLETED`, `ANY_COMPLETED` or `ALWAYS`.
        THREADPOOL_SIZE: how many requests to the store may be under way at once.
        WAIT_DUR_SEC: the longest pause, in seconds, between two looks into the store.
        timeout: seconds to wait at most; what is not over by then is in the second list.
        progress: show a progress bar. None: if standard error is a terminal and it takes long.

    Raises:
        KeyboardInterrupt: Ctrl-C; the calls that are not over are cancelled first.

    >>> import pywren
    >>> with pywren.local_executor(workers=1) as pwex:
    ...     futures = pwex.map(abs, [-1, -2])
    ...     dones, not_dones = pywren.wait(futures)
    >>> [f.result() for f in dones], not_dones
    ([1, 2], [])
    """
    futures = list(dict.fromkeys(given_futures("fs", fs)))
    if return_when not in (ALL_COMPLETED, ANY_COMPLETED, ALWAYS):
        raise ValueError(
            f"return_when: expected ALL_COMPLETED (1), ANY_COMPLETED (2) or ALWAYS (3), "
            f"found {return_when!r}"
        )
    _set_pace(futures, THREADPOOL_SIZE, WAIT_DUR_SEC, look_now=return_when == ALWAYS)
    if futures and return_when != ALWAYS:
        needed = 1 if return_when == ANY_COMPLETED else len(futures)
        _await(futures, needed, timeout, progress)
    dones: list[ResponseFuture[T]] = []
    not_dones: list[ResponseFuture[T]] = []
    for future in futures:
        (dones if future.done() else not_dones).append(future)
    return dones, not_dones


def get_all_results(
    fs: Iterable[ResponseFuture[T]], *, timeout: float | None = None, progress: bool | None = None
) -> list[T]:
    """Wait for all futures and return their results, in order.

    The first future (in order) whose call failed raises its exception; by then all are over, and
    every other result can still be had from its own future. Ctrl-C cancels what is not over.

    Args:
        fs: futures; none gives an empty list.
        timeout: seconds to wait at most; then `TimeoutError`, and the calls go on.
        progress: show a progress bar. None: if standard error is a terminal and it takes long.

    >>> import pywren
    >>> with pywren.local_executor(workers=1) as pwex:
    ...     pywren.get_all_results(pwex.map(str.upper, ["a", "b"]))
    ['A', 'B']
    """
    futures = given_futures("fs", fs)
    _set_pace(futures, _THREADS, _LONGEST_PAUSE_SECONDS, look_now=False)
    if futures:
        unique = list(dict.fromkeys(futures))
        _await(unique, len(unique), timeout, progress, _Loader(futures).load_ready)
    not_dones = [future for future in futures if not future.done()]
    if not_dones:
        raise TimeoutError(
            f"{len(not_dones)} of {len(futures)} calls are not over after {timeout:g} s: "
            "they go on, and can be waited for again"
        )
    return [future.result() for future in futures]


def as_completed(
    fs: Iterable[ResponseFuture[T]], timeout: float | None = None
) -> Iterator[ResponseFuture[T]]:
    """Yield each future as its call ends, the first to end first.

    Raises `TimeoutError` if not all are over `timeout` seconds after the first `next`.

    >>> import pywren
    >>> with pywren.local_executor(workers=1) as pwex:
    ...     sorted(f.result() for f in pywren.as_completed(pwex.map(abs, [-1, -2])))
    [1, 2]
    """
    from concurrent import futures as standard

    # The standard library's gives back the very futures that it was given.
    yield from standard.as_completed(list(fs), timeout)  # type: ignore[misc]


class _Loader:
    """Loads results that are there, in order, while others are still to come."""

    def __init__(self, futures: Sequence[ResponseFuture[Any]]) -> None:
        self._futures = futures
        self._next = 0

    def load_ready(self) -> None:
        """Load up to the first one that is not there yet."""
        while self._next < len(self._futures) and self._futures[self._next].preload():
            self._next += 1


def _await(
    futures: Sequence[ResponseFuture[Any]],
    needed: int,
    timeout: float | None,
    progress: bool | None,
    meanwhile: Callable[[], None] | None = None,
) -> None:
    from pywren.futures._progress import open_progress

    latch, hung = _hang_latch(futures, needed)
    bar = open_progress(futures, progress)
    try:
        _watch(latch, bar, None if timeout is None else time.monotonic() + timeout, meanwhile)
    except KeyboardInterrupt:
        bar.close()  # first: what is cancelled must not look as if it had been finished
        cancel_all(futures)
        raise
    finally:
        bar.close()
        for future in hung:
            future.take_down(latch)


def _hang_latch(
    futures: Sequence[ResponseFuture[Any]], needed: int
) -> tuple[Latch, list[ResponseFuture[Any]]]:
    """A latch that opens when `needed` of the futures are over, and where it hangs."""
    latch = Latch(needed)
    hung = []
    for future in futures:
        if future.hang(latch):
            hung.append(future)
        else:
            latch.add_result(future)
    return latch, hung


def _watch(
    latch: Latch, bar: Progress, deadline: float | None, meanwhile: Callable[[], None] | None
) -> None:
    while not latch.wait(_pause(bar, deadline, meanwhile is not None)):
        if deadline is not None and time.monotonic() >= deadline:
            return
        bar.update()
        if meanwhile is not None:
            meanwhile()


def _pause(bar: Progress, deadline: float | None, loading: bool) -> float | None:
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    if not bar.wanted and not loading:
        return left
    look = _LOAD_SECONDS if loading else _LOOK_SECONDS
    return look if left is None else min(left, look)


def cancel_all(futures: Iterable[ResponseFuture[Any]]) -> None:
    """Cancel the calls that are not over, with one word to each callset's backend."""
    cancelled: dict[Any, list[str]] = {}
    for future in futures:
        if future.end_cancelled():
            cancelled.setdefault(future.callset, []).append(future.call_id)
    for callset, call_ids in cancelled.items():
        callset.cancel(call_ids)


def _set_pace(
    futures: Sequence[ResponseFuture[Any]], threads: int, longest_pause: float, *, look_now: bool
) -> None:
    for callset in {future.callset for future in futures if not future.done()}:
        callset.set_pace(threads, longest_pause, look_now=look_now)
