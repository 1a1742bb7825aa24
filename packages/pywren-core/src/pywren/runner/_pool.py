"""A pool of worker slots, and the thread that supervises them.

The story of a call in here::

    submit ──> queue ──> slot.send ══ socket ══> child: claim in the ledger, run, outcome
                 ^          |                       |
                 |          | take back             | pipe
                 +──────────+                       v
    deliver <──────────────────────────── slot.receive, or slot.bury if the child died

1. `submit` puts calls into the queue and, from the caller's own thread, feeds what fits to the
   workers: a call on an idle worker crosses no other thread on its way out.
2. Each worker holds some calls ahead, more of them the shorter they are, so that it never waits.
   When a worker runs dry while another one still has calls that it has not started, half of
   those move over. No call waits behind another one while a worker is idle.
3. The supervising thread reads outcomes and hands them to `deliver`, many at once if many came.
   It looks at the clock, the memory and the output files of running calls ten times a second, or
   when the next call's time is up.
4. A child that died or had to be killed is buried: the call that it was running gets its precise
   outcome, those that it never started go back to the front of the queue, and a new child starts.

All state is under one lock. `deliver` is called without it, since it runs the user's callbacks.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pywren.errors import BackendError
from pywren.protocol import CallsetSpec, CallSpec, ErrorInfo, Outcome, OutcomeKind
from pywren.runner._distribution import Distribution
from pywren.runner._endings import Killed, cancelled_outcome, failed_outcome
from pywren.runner._functions import FunctionAt
from pywren.runner._payloads import output_path
from pywren.runner._process import ChildProcess, child_environment
from pywren.runner._slot import Slot
from pywren.runner._uninterrupted import Uninterrupted
from pywren.runner._work import Work, matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pywren.protocol import Deliver, FileRef

__all__ = ["WorkerPool"]

CHECK_SECONDS: Final = 0.1
_START_ATTEMPTS: Final = 3


class WorkerPool:
    """Up to `workers` child processes that run calls.

    Args:
        workers: how many calls run at the same time.
        directory: an existing private directory for what pool and children share.
        deliver: called with new outcomes, from the supervising thread or a caller's.
        memory_limit_bytes: a call that holds more resident memory is killed; None: no limit.
        environment: of the children; by default this process's, fit for so many workers.
        first: a child that was started already.
    """

    def __init__(
        self,
        workers: int,
        *,
        directory: str,
        deliver: Deliver,
        memory_limit_bytes: int | None = None,
        environment: Mapping[str, str] | None = None,
        first: ChildProcess | None = None,
    ) -> None:
        self.workers = workers
        self._directory = directory
        self._deliver = deliver
        self._memory_limit_bytes = memory_limit_bytes
        self._environment = environment or child_environment(
            os.environ, workers, os.cpu_count() or 1
        )
        self._first = first
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._works: dict[str, Work] = {}
        self._functions: dict[str, FunctionAt] = {}
        self._slots: list[Slot] = []
        self._distribution = Distribution(self._slots, workers)
        self._wanted = 0
        self._started = 0
        self._failed_starts = 0
        self._restless = False
        self._dozing = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)

    def open(self) -> None:
        """Start supervising, and the first child: it comes up while the caller goes on."""
        for name in ("modules", "outputs"):
            os.makedirs(f"{self._directory}/{name}", mode=0o700, exist_ok=True)
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._wanted = 1
        self._thread = threading.Thread(target=self._supervise, name="pywren-pool", daemon=True)
        self._thread.start()

    def add_function(self, digest: str, payload: bytes | FileRef) -> None:
        """From now on calls may name the function by its digest."""
        with self._lock:
            self._functions[digest] = FunctionAt(digest, payload)

    def remove_function(self, digest: str) -> None:
        """No call will name the function any more, or it will be added anew before."""
        with self._lock:
            self._functions.pop(digest, None)
            for slot in self._slots:
                slot.forget_function(digest)

    def submit(
        self, callset: CallsetSpec, calls: Sequence[CallSpec], *, chunksize: int = 1
    ) -> None:
        """Queue calls, in order, and return. `chunksize` of them may go to a worker at once."""
        with Uninterrupted(), self._lock:
            if self._closing:
                raise BackendError("the executor was shut down: make a new one to run more calls")
            work = self._works.get(callset.callset_id)
            if work is None or work.callset is not callset:
                work = self._works[callset.callset_id] = Work(
                    callset, self._functions[callset.function], chunksize
                )
            self._distribution.queue.add(work, calls)
            self._feed()

    def finish(self, callset_id: str) -> None:
        """Forget a callset: no more of its calls will be submitted."""
        with self._lock:
            self._works.pop(callset_id, None)

    def cancel(self, callset_id: str, call_ids: Collection[str] | None = None) -> None:
        """Cancel calls, queued or running; their outcomes are delivered as of any others."""
        matches = matcher(callset_id, call_ids)
        with Uninterrupted(), self._lock:
            cancelled = self._distribution.queue.remove(matches)
            for slot in self._slots:
                cancelled += self._cancel_in(slot, matches)
            outcomes = [cancelled_outcome(work.callset, call) for work, call in cancelled]
            self._feed()
        self._hand_out(outcomes)

    def _cancel_in(
        self, slot: Slot, matches: Callable[[Work, CallSpec], bool]
    ) -> list[tuple[Work, CallSpec]]:
        taken = slot.take_back_matching(matches)
        gone = [pair for pair in taken if matches(*pair)]
        self._distribution.put_back([pair for pair in taken if not matches(*pair)])
        running = slot.running()
        if running is not None and matches(*running):
            slot.kill(Killed(OutcomeKind.CANCELLED))
        return gone

    def running(self, callset_id: str, call_id: str) -> bool:
        """Is the call being run at this moment?"""
        with self._lock:
            now = [slot.running() for slot in self._slots]
        return any(
            sent is not None
            and (sent.work.callset.callset_id, sent.call.call_id) == (callset_id, call_id)
            for sent in now
        )

    def process_ids(self) -> list[int]:
        """The process ids of the children."""
        with self._lock:
            return [slot.process_id for slot in self._slots]

    def close(self, *, wait: bool = False) -> None:
        """Stop the children and the thread; with `wait` when nothing is left to run. Without,
        the calls that are left are delivered as cancelled. Twice is harmless."""
        with self._lock:
            while (
                wait
                and not self._closing
                and (self._distribution.queue or self._distribution.is_busy())
            ):
                self._idle.wait()
            self._closing = True
        self._ring()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    # -- feeding, under the lock ------------------------------------------------------------

    def _feed(self) -> None:
        self._want_workers()
        if self._distribution.feed() and (self._dozing or self._distribution.is_backed_up()):
            self._dozing = False
            self._ring()

    def _want_workers(self) -> None:
        if self._failed_starts >= _START_ATTEMPTS:  # there are some: they will do
            return
        wanted = min(self.workers, len(self._distribution.queue) + sum(s.load for s in self._slots))
        if wanted > max(self._wanted, len(self._slots)):
            self._wanted = wanted
            self._ring()

    # -- supervising ------------------------------------------------------------------------

    def _ring(self) -> None:
        try:
            self._bell.send(b"!")
        except (BlockingIOError, OSError):  # it rings already, or nobody is there to hear
            return

    def _supervise(self) -> None:
        try:
            self._watch_over()
        finally:  # also if the unexpected happens: nobody must wait for a thread that is gone
            self._hand_out(self._end())

    def _watch_over(self) -> None:
        next_check_at = 0.0
        while True:
            with self._lock:
                if self._closing:
                    return
                outcomes = self._start_children()
                watching = (
                    self._restless
                    or self._distribution.is_busy()
                    or len(self._slots) < self._wanted
                )
                self._dozing = not watching  # whoever brings work must ring
            now = time.monotonic()
            pause = max(0.0, next_check_at - now) if watching else None
            events = [] if outcomes else self._selector.select(pause)
            outcomes += self._read(events)
            now = time.monotonic()
            if now >= next_check_at:
                more, next_check_at = self._check(now)
                outcomes += more
            self._hand_out(outcomes)

    def _start_children(self) -> list[Outcome]:
        while len(self._slots) < self._wanted:
            self._started += 1
            try:
                slot = Slot(self._new_child(), self._memory_limit_bytes)
            except OSError as error:
                message = f"the worker process could not be started: {error}"
                return self._start_failed(ErrorInfo("WorkerCrashed", message))
            self._slots.append(slot)
            self._selector.register(slot.inbox, selectors.EVENT_READ, slot)
            self._feed()
        return []

    def _new_child(self) -> ChildProcess:
        first, self._first = self._first, None
        if first is not None:
            return first
        return ChildProcess(self._directory, str(self._started), self._environment)

    def _start_failed(self, error: ErrorInfo) -> list[Outcome]:
        """Try again, do with the workers that are there, or give up."""
        self._failed_starts += 1
        if self._failed_starts < _START_ATTEMPTS:
            return []
        self._wanted = len(self._slots)
        return [] if self._slots else self._give_up(error)

    def _read(self, events: list[tuple[selectors.SelectorKey, int]]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for key, mask in events:
            if key.fileobj is self._ear:
                self._ear.recv(4096)
                continue
            with self._lock:
                slot: Slot = key.data
                if mask & selectors.EVENT_WRITE:
                    slot.flush()
                if mask & selectors.EVENT_READ:
                    outcomes += self._receive(slot)
        with self._lock:
            self._feed()
            self._watch_writers()
        return outcomes

    def _receive(self, slot: Slot) -> list[Outcome]:
        outcomes, there = slot.receive()
        return outcomes if there else outcomes + self._bury(slot)

    def _watch_writers(self) -> None:
        watched = self._selector.get_map()
        for slot in self._slots:
            if slot.wants_to_write and slot.outbox not in watched:
                self._selector.register(slot.outbox, selectors.EVENT_WRITE, slot)
            elif not slot.wants_to_write and slot.outbox in watched:
                self._selector.unregister(slot.outbox)

    def _check(self, now: float) -> tuple[list[Outcome], float]:
        outcomes: list[Outcome] = []
        with self._lock:
            pause = CHECK_SECONDS
            for slot in list(self._slots):
                left, returned = slot.check(now)
                pause = min(pause, max(0.001, left))
                self._distribution.put_back(returned)
                if slot.has_died():
                    outcomes += self._bury(slot)
            # One more look after the last call: something that it started may still write.
            self._restless = self._distribution.is_busy() or any(slot.noisy for slot in self._slots)
        return outcomes, now + pause

    def _bury(self, slot: Slot) -> list[Outcome]:
        self._selector.unregister(slot.inbox)
        if slot.outbox in self._selector.get_map():
            self._selector.unregister(slot.outbox)
        self._slots.remove(slot)
        outcomes, unstarted = slot.bury()
        self._remove_half_written(outcomes)
        self._distribution.put_back(unstarted)
        self._wanted = min(self.workers, max(len(self._slots), len(self._distribution.queue), 1))
        if slot.ready:
            self._failed_starts = 0
        else:
            outcomes += self._start_failed(slot.start_failure())
        slot.close()
        return outcomes

    def _remove_half_written(self, outcomes: Sequence[Outcome]) -> None:
        for one in outcomes:
            if one.output is None:
                with suppress(FileNotFoundError):
                    path = output_path(self._directory, one.callset_id, one.call_id, one.attempt)
                    os.unlink(path)

    def _give_up(self, error: ErrorInfo) -> list[Outcome]:
        self._failed_starts = 0
        return [
            failed_outcome(work.callset, call, OutcomeKind.CRASHED, error)
            for work, call in self._distribution.queue.remove(lambda work, call: True)
        ]

    def _hand_out(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._deliver(outcomes)
        with self._lock:
            if not self._distribution.queue and not self._distribution.is_busy():
                self._idle.notify_all()

    def _end(self) -> list[Outcome]:
        with self._lock:
            left = self._distribution.queue.remove(lambda work, call: True)
            outcomes = [cancelled_outcome(work.callset, call) for work, call in left]
            for slot in list(self._slots):
                slot.kill(Killed(OutcomeKind.CANCELLED))
                ended, unstarted = slot.bury()
                outcomes += ended
                outcomes += [cancelled_outcome(work.callset, call) for work, call in unstarted]
                slot.close()
            self._slots.clear()
            self._selector.close()
            self._bell.close()
            self._ear.close()
            self._closing = True
        return outcomes
