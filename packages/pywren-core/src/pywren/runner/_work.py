"""The calls that wait for a worker, and what the pool remembers of each callset."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pywren.protocol import CallsetSpec, CallSpec, to_msgpack
from pywren.runner._policy import calls_ahead, mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pywren.runner._functions import FunctionAt

__all__ = ["Batch", "Queue", "Work"]


class Work:
    """One callset in the pool: its spec, encoded once, its function, and how long its calls
    take."""

    def __init__(self, callset: CallsetSpec, function: FunctionAt, chunksize: int = 1) -> None:
        self.callset = callset
        self.function = function
        self._chunksize = chunksize
        encoded = to_msgpack(callset)
        self.encoded = len(encoded).to_bytes(4, "little") + encoded
        self._mean_seconds: float | None = None

    def took(self, seconds: float) -> None:
        """One more call of this callset has ended after `seconds`."""
        self._mean_seconds = mean(self._mean_seconds, seconds)

    def calls_ahead(self) -> int:
        """How many of its calls one worker may hold."""
        return max(self._chunksize, calls_ahead(self._mean_seconds))


Batch = tuple[Work, list[CallSpec]]


class Queue:
    """Calls in the order in which they came, in batches of one callset."""

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, work: Work, calls: Sequence[CallSpec]) -> None:
        """Put calls at the end."""
        if calls:
            # Reversed, so that taking from the front of a batch is popping from the end of a list.
            self._batches.append((work, list(reversed(calls))))
            self._size += len(calls)

    def put_back(self, work: Work, calls: Sequence[CallSpec]) -> None:
        """Put calls at the front: they had been taken from there."""
        if calls:
            self._batches.appendleft((work, list(reversed(calls))))
            self._size += len(calls)

    def first(self) -> Work:
        """The callset whose calls are next."""
        return self._batches[0][0]

    def take(self, most: int, most_bytes: int) -> Batch:
        """Up to `most` calls from the front, all of one callset; at least one, and beyond that
        not more than `most_bytes` of inline input."""
        work, waiting = self._batches[0]
        taken: list[CallSpec] = []
        size = 0
        while waiting and len(taken) < most:
            size += inline_bytes(waiting[-1])
            if taken and size > most_bytes:
                break
            taken.append(waiting.pop())
        if not waiting:
            self._batches.popleft()
        self._size -= len(taken)
        return work, taken

    def remove(self, matches: Callable[[Work, CallSpec], bool]) -> list[tuple[Work, CallSpec]]:
        """Take out the calls that match."""
        removed: list[tuple[Work, CallSpec]] = []
        batches: deque[Batch] = deque()
        for work, calls in self._batches:
            goes = [call for call in calls if matches(work, call)]
            stays = _without(calls, goes) if goes else calls
            removed += [(work, call) for call in reversed(goes)]
            if stays:
                batches.append((work, stays))
        self._batches = batches
        self._size -= len(removed)
        return removed


def _without(calls: list[CallSpec], goes: list[CallSpec]) -> list[CallSpec]:
    gone = {id(call) for call in goes}
    return [call for call in calls if id(call) not in gone]


def inline_bytes(call: CallSpec) -> int:
    """The size of an input that travels inside its spec."""
    return len(call.input) if isinstance(call.input, bytes) else 0


def matcher(callset_id: str, call_ids: Collection[str] | None) -> Callable[[Work, CallSpec], bool]:
    """Does a call belong to the callset, and to `call_ids` if given?"""
    if call_ids is None:
        return lambda work, call: work.callset.callset_id == callset_id
    wanted = frozenset(call_ids)
    # The rarer condition first: a queue may hold very many calls of the callset.
    return lambda work, call: call.call_id in wanted and work.callset.callset_id == callset_id


def grouped(pairs: Sequence[tuple[Work, CallSpec]]) -> Iterator[Batch]:
    """Neighbours of the same callset, as batches."""
    from itertools import groupby

    for _, group in groupby(pairs, key=lambda pair: id(pair[0])):
        members = list(group)
        yield members[0][0], [call for _, call in members]
