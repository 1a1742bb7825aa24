"""The calls of one message, from its arrival until all of them are over."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from pywren.errors import BackendError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pywren.protocol import CallsetSpec, CallSpec, Outcome

__all__ = ["Job", "Key"]

Key = tuple[str, str]
"""Callset id and call id."""


class Job:
    """The calls of one message: which are not over, and what became of the others."""

    def __init__(self, callset: CallsetSpec, calls: Sequence[CallSpec]) -> None:
        self.callset = callset
        self.waiting = {call.call_id: call for call in calls}
        self.outcomes: dict[str, Outcome] = {}
        self.failure: StorageError | BackendError | None = None
        self._call_ids = tuple(self.waiting)
        self._queue: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def all_keys(self) -> list[Key]:
        """The keys of all its calls, over or not."""
        return [(self.callset.callset_id, call_id) for call_id in self._call_ids]

    def end(self, call_id: str, outcome: Outcome) -> None:
        """A call is over, by this outcome."""
        self.outcomes[call_id] = outcome
        self.waiting.pop(call_id, None)

    def fail(self, call_id: str, error: StorageError | BackendError) -> None:
        """A call has no outcome in the store: the message must come again."""
        self.failure = self.failure or error
        self.waiting.pop(call_id, None)

    @property
    def abandoned(self) -> bool:
        """Was its runner closed?"""
        return isinstance(self.failure, BackendError)

    def arrive(self, outcome: Outcome) -> None:
        """An outcome has come from the pool, in whichever thread."""
        self._queue.put(outcome)

    def arrived(self, timeout: float) -> list[Outcome]:
        """The outcomes that have come; none if none comes for so long."""
        outcomes: list[Outcome] = []
        try:
            outcomes.append(self._queue.get(timeout=timeout))
            while True:
                outcomes.append(self._queue.get_nowait())
        except queue.Empty:
            return outcomes
