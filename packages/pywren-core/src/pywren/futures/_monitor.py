"""The monitor: finds outcomes in a store and hands them to whoever waits for them.

One thread, from the first call that is watched to the last one that is over; nothing outstanding,
no requests. Each round::

      sleep until the next look, the first deadline, or someone asks
        |
      blocks with few calls outstanding: read their records      } side by side
      blocks with many: list them, then read what is new         }
        |
      deliver what was found; a call whose deadline has passed, and whose record is still not
      there when asked for by name, is lost
        |
      progress: the next look is soon.  none: later and later.  requests cost: not too soon.

What the store does wrong on the way (it is away, a listing lags, a record does not verify) ends
no thread and harms no call but the one that it is about. `_polling` decides, `_looking` asks the
store, and this module keeps the time.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from pywren.futures._looking import Look, unwatched_outcome
from pywren.futures._polling import LOCAL_PAUSE, is_due, next_pause
from pywren.futures._watched import Block, Call, Party, WatchedCallset
from pywren.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from pywren.backends import Deliver
    from pywren.protocol import CallsetSpec, Outcome
    from pywren.store import Store

__all__ = ["Monitor"]

log = logging.getLogger("pywren.monitor")

_THREADS: Final = 64
_LONGEST_PAUSE: Final = 5.0
_REFUSALS: Final = 3
_LEAVE_SECONDS: Final = 5.0


class Monitor:
    """Watches calls whose outcomes come through one store.

    Args:
        store: the store, or its URL.
        clock, sleep: for tests; `sleep` in place of a wait that new work cuts short.
    """

    def __init__(
        self,
        store: str | Store,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._store = open_store(store) if isinstance(store, str) else store
        self._clock = clock
        self._wake = threading.Event()
        self._sleep = sleep or self._wake.wait
        self._sleep_between_tries = sleep or time.sleep
        self._changed = threading.Condition()
        self._callsets: dict[str, WatchedCallset] = {}
        self._thread: threading.Thread | None = None
        self._threads = _THREADS
        self._longest = _LONGEST_PAUSE
        self._is_local = self._store.local_path("probe") is not None
        self._fresh = False
        self._pause = 0.0
        self._cost = 0.0
        self._looked_at = float("-inf")
        self._earliest_loss = float("inf")
        self._asked = self._answered = 0
        self._refusals = 0
        self._away = False

    @property
    def store(self) -> Store:
        """The store."""
        return self._store

    def watch(
        self,
        callset: CallsetSpec,
        call_ids: Sequence[str],
        deliver: Deliver,
        *,
        lost_at: float,
        attempt: int = 1,
        abandoned: Callable[[], bool] | None = None,
    ) -> None:
        """Look for the outcomes of calls until each is found or lost. Returns at once.

        Args:
            callset: their callset; its `signing_key` verifies their records.
            call_ids: which calls.
            deliver: called with outcomes, from the monitor's thread.
            lost_at: when a call without an outcome counts as lost, by the monotonic clock.
            attempt: which attempt at the calls this is; a loss is reported of this one.
            abandoned: asked before each look: has the process ended that would bring the
                outcomes? Then what is not there with that look is lost.
        """
        party = Party(deliver, lost_at, attempt, abandoned)
        with self._changed:
            watched = self._callsets.get(callset.callset_id)
            if watched is None:
                watched = self._callsets[callset.callset_id] = WatchedCallset(callset)
            watched.add(call_ids, party)
            self._fresh = True
            self._earliest_loss = min(self._earliest_loss, lost_at)
            self._wake.set()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="pywren-monitor")
                self._thread.daemon = True
                self._thread.start()

    def forget(self, callset_id: str, call_ids: Collection[str] | None = None) -> None:
        """Watch calls no more; the whole callset if `call_ids` is None."""
        with self._changed:
            watched = self._callsets.get(callset_id)
            if watched is None:
                return
            for call_id in call_ids or ():
                watched.remove(call_id)
            if call_ids is None or not watched:
                del self._callsets[callset_id]
            self._wake.set()

    def set_pace(self, threads: int, longest_pause: float, *, look_now: bool = False) -> None:
        """How to look from now on.

        Args:
            threads: how many requests at once.
            longest_pause: seconds between two looks at most.
            look_now: have a whole look made before this returns.
        """
        with self._changed:
            self._threads = max(1, threads)
            if longest_pause < self._longest:
                self._wake.set()
            self._longest = longest_pause
            if look_now and self._callsets and threading.current_thread() is not self._thread:
                self._asked += 1
                mine = self._asked
                self._wake.set()
                self._changed.wait_for(lambda: self._answered >= mine or self._thread is None)

    def close(self) -> None:
        """Forget all calls and end the thread. Twice is harmless."""
        with self._changed:
            self._callsets.clear()
            thread = self._thread
            self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            # A request that hangs must not keep the caller: the thread ends after it by itself.
            thread.join(_LEAVE_SECONDS)

    # -- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._await_turn():
                self._look()
        except Exception as error:  # whatever it is, nobody may wait for ever
            log.exception("watching the store %s failed", self._store.url)
            self._give_up(error)

    def _await_turn(self) -> bool:
        """Sleep until it is time to look; False if there is nothing to look for."""
        while True:
            with self._changed:
                self._wake.clear()
                if not self._callsets:
                    self._thread = None
                    self._changed.notify_all()
                    return False
                left = self._next_look_at() - self._clock()
            if left <= 0:
                return True
            self._sleep(min(left, threading.TIMEOUT_MAX))

    def _next_look_at(self) -> float:
        if self._asked > self._answered:
            return float("-inf")
        pause = self._next_pause(progress=True) if self._fresh else self._pause
        return min(self._looked_at + min(pause, self._longest), self._earliest_loss)

    def _next_pause(self, *, progress: bool) -> float:
        longest = min(self._longest, LOCAL_PAUSE) if self._is_local else self._longest
        return next_pause(self._pause, progress=progress, cost=self._cost, longest=longest)

    def _look(self) -> None:
        with self._changed:
            asked, self._fresh = self._asked, False
            blocks = self._outstanding(self._clock())
            look = Look(self._store, self._threads, self._sleep_between_tries)
        found = 0
        for batch in look.outcomes(blocks):
            found += self._hand_out(batch)
        self._report(look, blocks)
        with self._changed:
            self._cost = look.cost
            self._looked_at = self._clock()
            self._pause = self._next_pause(progress=found > 0)
            self._earliest_loss = min(
                (callset.earliest_loss() for callset in self._callsets.values()),
                default=float("inf"),
            )
            self._answered = asked
            self._changed.notify_all()

    def _outstanding(self, now: float) -> list[Block]:
        def due(party: Party) -> bool:
            return is_due(party.lost_at, bool(party.abandoned and party.abandoned()), now)

        callsets = self._callsets.values()
        return [block for callset in callsets for block in callset.blocks(due)]

    def _hand_out(self, ended: Sequence[tuple[Call, Outcome]]) -> int:
        """Deliver the outcomes of calls that are still watched; return how many those are."""
        by_party: dict[Party, list[Outcome]] = {}
        with self._changed:
            for call, outcome in ended:
                if self._strike_off(call):
                    by_party.setdefault(call.party, []).append(outcome)
        for party, outcomes in by_party.items():
            party.deliver(outcomes)
        return sum(map(len, by_party.values()))

    def _strike_off(self, call: Call) -> bool:
        watched = self._callsets.get(call.callset.callset_id)
        if watched is None or not watched.remove(call.call_id, call.party):
            return False
        if not watched:
            del self._callsets[call.callset.callset_id]
        return True

    # -- when the store is away -----------------------------------------------------------------

    def _report(self, look: Look, blocks: Sequence[Block]) -> None:
        self._refusals = self._refusals + 1 if look.refused else 0
        if look.trouble is None:
            if self._away:
                log.warning("the store %s is available again", self._store.url)
            self._away = False
        elif not self._away:
            self._away = True
            log.warning(
                "the store %s has been unavailable since %s (%s); calls are waited for until "
                "their deadlines",
                self._store.url,
                time.strftime("%H:%M:%S"),
                look.trouble,
            )
        if look.trouble is not None and self._refusals >= _REFUSALS:
            self._end_all(blocks, look.trouble)

    def _end_all(self, blocks: Sequence[Block], error: Exception) -> None:
        calls = [call for block in blocks for call in block.calls.values()]
        self._hand_out([(call, unwatched_outcome(call, error)) for call in calls])

    def _give_up(self, error: Exception) -> None:
        with self._changed:
            blocks = self._outstanding(self._clock())
        try:
            self._end_all(blocks, error)
        finally:
            with self._changed:
                self._callsets.clear()
                self._thread = None
                self._changed.notify_all()
