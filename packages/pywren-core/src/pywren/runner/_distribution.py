"""Which worker gets which calls.

Each worker holds some calls ahead, more of them the shorter they are. A worker that runs dry takes
over half of what another one has not started. Nothing here waits, and all of it happens under the
lock of the pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pywren.runner._policy import fair_share, worth_stealing
from pywren.runner._work import Queue, Work, grouped

if TYPE_CHECKING:
    from pywren.protocol import CallSpec
    from pywren.runner._slot import Slot

__all__ = ["Distribution"]


class Distribution:
    """The queue, and its way to the slots.

    Args:
        slots: the pool's own list, which changes as workers come and go.
        workers: how many there may be.
    """

    def __init__(self, slots: list[Slot], workers: int) -> None:
        self.queue = Queue()
        self._slots = slots
        self._workers = workers

    def is_busy(self) -> bool:
        """Does any worker hold a call?"""
        return any(slot.load for slot in self._slots)

    def is_backed_up(self) -> bool:
        """Is there something that a worker's socket did not take yet?"""
        return any(slot.wants_to_write for slot in self._slots)

    def feed(self) -> bool:
        """Send from the queue what workers have room for. Returns whether anything was sent."""
        sent = self._send_queued()
        if not self.queue and self._take_over():
            sent |= self._send_queued()
        return sent

    def put_back(self, pairs: list[tuple[Work, CallSpec]]) -> None:
        """Calls that were sent and not started are the next again."""
        for work, calls in reversed(list(grouped(pairs))):
            self.queue.put_back(work, calls)

    def _send_queued(self) -> bool:
        sent = False
        while self.queue:
            work = self.queue.first()
            ahead = work.calls_ahead()
            slot = self._emptiest()
            if slot is None or slot.load >= ahead or (slot.load and slot.room_bytes() <= 0):
                break
            most = min(ahead - slot.load, fair_share(len(self.queue), self._workers))
            _, calls = self.queue.take(most, slot.room_bytes())
            slot.send(work, calls)
            sent = True
        return sent

    def _emptiest(self) -> Slot | None:
        return min(self._alive(), key=lambda slot: slot.load, default=None)

    def _alive(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.killed is None]

    def _take_over(self) -> bool:
        """Put calls that wait at a busy worker back into the queue, if another one is idle."""
        alive = self._alive()
        if not any(slot.load == 0 and slot.ready for slot in alive):
            return False
        donor = max(alive, key=lambda slot: slot.load)
        if donor.load < 2:
            return False
        taken = donor.take_back(worth_stealing(donor.load - 1))
        self.put_back(taken)
        return bool(taken)
