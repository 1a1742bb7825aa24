"""The calls that were made together, as their futures see them: one lock, one origin."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

from pywren.futures._outputs import read_output, remove_file
from pywren.protocol import FileRef

if TYPE_CHECKING:
    from collections.abc import Collection

    from pywren.backends import Segments
    from pywren.futures._future import ResponseFuture
    from pywren.protocol import Outcome
    from pywren.store import Store

__all__ = ["Callset", "Origin"]


class Origin(Protocol):
    """Where outcomes come from, and what can be said to whoever runs the calls."""

    def cancel(self, callset: Callset, call_ids: Collection[str]) -> None:
        """Stop calls whose futures are cancelled."""

    def running(self, callset: Callset, call_id: str) -> bool:
        """Does the call run now?"""

    def share(self, callset: Callset, future: ResponseFuture[Any]) -> dict[str, Any]:
        """See to it that another process can find the outcome; returns what it must know."""

    def expect(self, callset: Callset, future: ResponseFuture[Any]) -> None:
        """A future waits for its outcome that was not sent from here."""

    def set_pace(self, threads: int, longest_pause: float, *, look_now: bool) -> None:
        """How many requests at once, how often, and whether to look at once."""


class Callset:
    """What the futures of a callset have in common.

    Attributes:
        lock: of all its futures.
        condition: around the same lock, for the standard library's waiters. We enter the lock
            itself: that is one step, which Ctrl-C cannot come in the middle of, where entering
            the condition is several, and a lock that stays taken holds up everybody.
        pending: the futures whose calls are not over, by call id; nothing else keeps them.
        facts: what `invoke_status` tells of every call.
    """

    def __init__(
        self,
        callset_id: str,
        store_url: str,
        origin: Origin,
        facts: dict[str, Any],
        signing_key: bytes,
    ) -> None:
        self.callset_id = callset_id
        self.signing_key = signing_key
        self.store_url = store_url
        self.lock = threading.RLock()
        self.condition = threading.Condition(self.lock)
        self.pending: dict[str, ResponseFuture[Any]] = {}
        self.facts = facts
        self._origin = origin
        self._process_id = os.getpid()

    def cancel(self, call_ids: Collection[str]) -> None:
        """The futures of these calls were cancelled: see that their calls stop.

        Not in a fork: the calls are those of the process that it was forked from.
        """
        for call_id in call_ids:
            self.pending.pop(call_id, None)
        if os.getpid() == self._process_id:
            self._origin.cancel(self, call_ids)

    def running(self, call_id: str) -> bool:
        """Does the call run now, as far as this side can tell?"""
        return self._origin.running(self, call_id)

    def expect(self, future: ResponseFuture[Any]) -> None:
        """Watch for the outcome of a call that was sent by another process."""
        self.pending[future.call_id] = future
        self._origin.expect(self, future)

    def set_pace(self, threads: int, longest_pause: float, *, look_now: bool) -> None:
        """How outcomes are to be looked for, where they have to be looked for."""
        self._origin.set_pace(threads, longest_pause, look_now=look_now)

    def share(self, future: ResponseFuture[Any]) -> dict[str, Any]:
        """Let other processes find the outcome of a call."""
        return self._origin.share(self, future)

    def invoke_status(self, call_id: str) -> dict[str, Any]:
        """How a call was sent."""
        return {**self.facts, "callset_id": self.callset_id, "call_id": call_id}

    def read_output(self, outcome: Outcome, store: Store | None) -> Segments:
        """The segments of the output of a call of this callset."""
        return read_output(outcome, store, self.store_url)

    def loaded(self, future: ResponseFuture[Any]) -> None:
        """The result is in memory now: a file that held it may go."""
        output = future.outcome.output if future.outcome is not None else None
        if isinstance(output, FileRef):
            self.remove(output)

    def remove(self, output: FileRef) -> None:
        """Nobody will read this file: it may go, unless this is a fork of the process it is for."""
        if os.getpid() == self._process_id:
            remove_file(output)
