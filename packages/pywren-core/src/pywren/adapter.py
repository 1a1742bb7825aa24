"""PyWren for everything that takes a `concurrent.futures.Executor`.

asyncio's `run_in_executor`, dask's `scheduler=`, and whatever else was written for a thread or
process pool runs on PyWren unchanged. The futures are `ResponseFuture`, which the standard
library's `wait` and `as_completed` take beside its own.

Where this differs from `ProcessPoolExecutor`: functions and arguments may be whatever cloudpickle
can pickle (lambdas, closures, what `__main__` defines), and `cancel` on a future stops a call that
runs already.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent import futures as standard
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from pywren.executor._options import CallOptions
from pywren.futures._waiting import cancel_all, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from types import TracebackType

    from pywren.executor import Executor
    from pywren.futures import ResponseFuture

__all__ = ["PywrenPoolExecutor"]

T = TypeVar("T")


class PywrenPoolExecutor(standard.Executor):
    """A `concurrent.futures.Executor` whose calls run where a PyWren executor runs them.

    Args:
        executor: where calls run; it stays open after `shutdown`. None: an executor of its own,
            which `shutdown` closes: `pywren.default_executor()`, or a local one with
            `max_workers`.
        max_workers: without `executor`, how many worker processes of this machine to use. With
            one, only what is told to libraries that ask how much to submit at once (dask does).

    Raises:
        ConfigError: `max_workers` is below 1; it is a `ValueError`.

    >>> import pywren
    >>> with pywren.PywrenPoolExecutor(max_workers=2) as pool:
    ...     future = pool.submit(pow, 2, 10)
    ...     list(pool.map(max, [1, 5], [3, 4])), future.result()
    ([3, 5], 1024)
    """

    def __init__(self, executor: Executor | None = None, max_workers: int | None = None) -> None:
        self._owned = executor is None
        self._executor = executor if executor is not None else _open_executor(max_workers)
        # dask and others look at this private name, which both pools of the standard library have
        self._max_workers: int | None = max_workers or _workers_of(self._executor)
        self._pending: dict[ResponseFuture[Any], None] = {}  # a set that keeps its order
        self._shut_down = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> ResponseFuture[T]:
        """Call `fn(*args, **kwargs)` on a worker and return its future.

        Raises:
            RuntimeError: after `shutdown`.
            SerializationError: the function or an argument cannot be pickled; says what in it.
        """
        self._refuse_if_shut_down()
        return self._keep(self._executor.submit(fn, *args, **kwargs))

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Yield `fn` of the first items of all iterables, of the second ones, and so on, in order.

        The function is packed once for all calls. All are sent before this returns, unless
        `buffersize` says otherwise. The iterator raises what a call raised when its turn comes;
        then, and when it is closed, all calls that are not over are cancelled.

        Args:
            fn: called with as many arguments as there are iterables.
            iterables: they are read here; the shortest one ends the map.
            timeout: seconds from this call by which each result must be there when it is asked
                for. None: no limit.
            chunksize: how many calls a worker may be given at once. Short calls are sent in
                larger messages anyway.
            buffersize: how many calls may be sent ahead of the results that were taken; the
                iterables may then be infinite. As in Python 3.14, on every version. None: no
                limit.

        Raises:
            TimeoutError: from the iterator, for the first result that is not there in time.
            RuntimeError: after `shutdown`.
            ValueError: `chunksize` or `buffersize` is below 1.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        options = CallOptions(chunksize=chunksize).checked()
        _check_buffersize(buffersize)
        self._refuse_if_shut_down()
        callset = self._executor.begin(fn, options, style="arguments")
        arguments = self._arguments(iterables)
        if buffersize is None:
            calls = self._executor.send_all(callset, arguments)
            return _results(deque(map(self._keep, calls)), _nothing(), deadline)
        more = self._kept(self._executor.send_each(callset, arguments))
        return _results(deque(islice(more, buffersize)), more, deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls. Twice is harmless.

        Args:
            wait: return when all calls are over. If False, they go on all the same, and Python
                does not end before they have.
            cancel_futures: cancel the calls that have not begun to run.
        """
        self._shut_down = True
        if cancel_futures:
            # The last ones first: else each cancelled call would make room for the next to start.
            waiting = [future for future in reversed(list(self._pending)) if not future.running()]
            cancel_all(waiting)
        if wait:
            self._settle_down()
        elif self._owned:
            threading.Thread(target=self._settle_down, name="pywren-shutdown").start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Wait for all calls, whatever ended the block; after Ctrl-C cancel them."""
        if isinstance(exc_val, KeyboardInterrupt):
            cancel_all(list(self._pending))
        self.shutdown(wait=True)

    def __repr__(self) -> str:
        """The executor behind it."""
        state = " shut down" if self._shut_down else ""
        return f"<PywrenPoolExecutor{state} on {self._executor!r}>"

    def _arguments(self, iterables: Iterable[Iterable[Any]]) -> Iterator[tuple[Any, Any]]:
        for args in zip(*iterables, strict=False):
            self._refuse_if_shut_down()  # it may have been since, if results are taken slowly
            yield args, {}

    def _keep(self, future: ResponseFuture[T]) -> ResponseFuture[T]:
        """Remember the future for as long as its call is not over."""
        self._pending[future] = None
        future.add_done_callback(self._forget)
        return future

    def _kept(
        self, futures: Generator[ResponseFuture[Any], None, None]
    ) -> Generator[ResponseFuture[Any], None, None]:
        try:
            for future in futures:
                yield self._keep(future)
        finally:
            futures.close()

    def _forget(self, future: ResponseFuture[Any]) -> None:
        self._pending.pop(future, None)

    def _settle_down(self) -> None:
        wait(list(self._pending), progress=False)
        if self._owned:
            self._executor.shutdown(wait=True)

    def _refuse_if_shut_down(self) -> None:
        if self._shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown: make a new executor")


def _open_executor(max_workers: int | None) -> Executor:
    from pywren.factories import default_executor, local_executor

    return default_executor() if max_workers is None else local_executor(workers=max_workers)


def _workers_of(executor: Executor) -> int | None:
    """How many calls run at once, if the backend knows; a cloud has no such number."""
    return getattr(executor.backend, "workers", None)


def _check_buffersize(buffersize: object) -> None:
    if buffersize is None:
        return
    if not isinstance(buffersize, int):
        raise TypeError(f"buffersize: expected a whole number or None, found {buffersize!r}")
    if buffersize < 1:
        raise ValueError(f"buffersize: expected a whole number from 1 up, found {buffersize!r}")


def _nothing() -> Generator[ResponseFuture[Any], None, None]:
    yield from ()


def _results(
    futures: deque[ResponseFuture[T]],
    more: Generator[ResponseFuture[T], None, None],
    deadline: float | None,
) -> Iterator[T]:
    """The results of `futures` in order. One of `more` is sent for each that is asked for."""
    try:
        while futures:
            futures.extend(islice(more, 1))
            yield _result_by(futures.popleft(), deadline)
    finally:
        more.close()
        cancel_all(futures)


def _result_by(future: ResponseFuture[T], deadline: float | None) -> T:
    """The result, if it is there in time; else the call is cancelled."""
    try:
        if deadline is not None:
            _await(future, deadline - time.monotonic())
        return future.result()
    finally:
        del future  # an exception's traceback holds this frame, and the future the exception


def _await(future: ResponseFuture[Any], seconds: float) -> None:
    _, late = wait([future], timeout=max(0.0, seconds), progress=False)
    if late:
        future.cancel()
        raise TimeoutError(
            f"the next result of the map was not there in time: {future!r} and those after it "
            "were cancelled"
        )
