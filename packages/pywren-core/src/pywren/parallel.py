"""One function over many items side by side, on threads that end with the work.

Requests to a store spend their time waiting, so many are made at once. The threads are started
for the occasion and are daemons: none is left over, and none keeps Python from ending.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["side_by_side"]

A = TypeVar("A")
T = TypeVar("T")


def side_by_side(
    function: Callable[[A], T], items: Sequence[A], threads: int
) -> Iterator[list[tuple[A, T]]]:
    """Yield `(item, function(item))` for all items, in batches, as they come.

    At most `threads` calls are under way at once; with a single item, or where no thread can be
    started (Python is ending), the work is done right here. An exception of `function` is raised
    here too; what else was under way then ends by itself.

    >>> sorted(pair for batch in side_by_side(abs, [-1, -2], 2) for pair in batch)
    [(-2, 2), (-1, 1)]
    """
    done: queue.SimpleQueue[tuple[A, T] | Exception] = queue.SimpleQueue()
    source = iter(items)
    guard = threading.Lock()

    def work() -> None:
        while True:
            with guard:
                try:
                    item = next(source)
                except StopIteration:
                    return
            try:
                done.put((item, function(item)))
            except Exception as error:  # noqa: BLE001 - raised again in the thread that asked
                done.put(error)

    if len(items) < 2 or not _start(work, min(threads, len(items))):
        work()
    left = len(items)
    while left:
        batch = _take_all(done)
        left -= len(batch)
        yield [_checked(result) for result in batch]


def _start(work: Callable[[], None], count: int) -> int:
    """Start threads; return how many there are."""
    for started in range(count):
        try:
            threading.Thread(target=work, name="pywren-requests", daemon=True).start()
        except RuntimeError:  # no more threads can be had
            return started
    return count


def _take_all(done: queue.SimpleQueue[T]) -> list[T]:
    """What is there, and at least one."""
    batch = [done.get()]
    while True:
        try:
            batch.append(done.get_nowait())
        except queue.Empty:
            return batch


def _checked(result: tuple[A, T] | Exception) -> tuple[A, T]:
    if isinstance(result, Exception):
        raise result
    return result
