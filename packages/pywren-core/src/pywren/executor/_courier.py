"""The courier: carries calls to the backend and outcomes to their futures.

It knows every call of its executor that is not over. A call that is lost for no fault of its own
is sent again; whatever else comes is handed to its future, once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from pywren.errors import StorageError
from pywren.executor._publishing import cancelled_outcome, publish
from pywren.executor._retrying import is_infrastructure_failure, pause_seconds
from pywren.executor._sent_callset import SentCallset, as_sent
from pywren.futures._callset import Callset
from pywren.futures._future import ResponseFuture
from pywren.futures._outputs import remove_file
from pywren.liveness import owner_mark
from pywren.protocol import CallSpec, FileRef, Outcome, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pywren.backends import Backend, Segments
    from pywren.protocol import Payload

__all__ = ["Courier"]

log = logging.getLogger("pywren.calls")


class Courier:
    """Between the futures of one executor and its backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._callsets: dict[str, SentCallset] = {}
        self._lock = threading.Lock()
        self._monitor: Any = None
        self._here = threading.local()

    def begin(self, callset: SentCallset) -> None:
        """Calls of this callset will follow."""
        self._callsets[callset.callset_id] = callset

    def send(self, callset: SentCallset, calls: Sequence[CallSpec]) -> list[ResponseFuture[Any]]:
        """Send calls off and return their futures."""
        futures = [self.promise(callset, call) for call in calls]
        self._start(callset, calls)
        return futures

    def promise(self, callset: SentCallset, call: CallSpec) -> ResponseFuture[Any]:
        """The future of a call that will be sent."""
        future = callset.pending[call.call_id] = ResponseFuture.of(callset, call)
        if not isinstance(call.input, bytes):
            callset.held[call.call_id] = call
        return future

    def fulfil(self, callset: SentCallset, future: ResponseFuture[Any], call: CallSpec) -> None:
        """Send a promised call, the last of its callset, unless it was cancelled."""
        callset.held[call.call_id] = call
        future.call = call
        if not future.done():
            self._start(callset, [call])
        if future.cancelled():  # before it was sent, or in this very moment
            self.cancel(callset, [call.call_id])
        self.seal(callset)

    def hold(self, callset: SentCallset, name: str, segments: Segments) -> Payload:
        """Put a large part of a promised call where its worker finds it."""
        return self._backend.hold_input(callset.callset_id, name, segments)

    @property
    def inline_limit_bytes(self) -> int:
        """Up to this size, payloads travel inside the call spec."""
        return self._backend.inline_limit_bytes

    def deliver_own(self, callset: SentCallset, outcome: Outcome) -> None:
        """A promised call, the last of its callset, is over without having been sent."""
        self._settle(callset, callset.pending[outcome.call_id], outcome)
        self.seal(callset)

    def _start(self, callset: SentCallset, calls: Sequence[CallSpec]) -> None:
        if not self._backend.pushes_outcomes:
            self._watch(callset, calls)
        self._backend.start(callset.spec, calls, callset.sending)

    def seal(self, callset: SentCallset) -> None:
        """No more calls will follow."""
        callset.sealed = True
        self._finish_if_over(callset)

    def pending(self) -> list[ResponseFuture[Any]]:
        """The futures whose calls are not over."""
        callsets = list(self._callsets.values())
        return [future for callset in callsets for future in list(callset.pending.values())]

    def deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Hand outcomes to their futures. What comes twice, or too late, is dropped."""
        outer, self._here.delivers = self.delivers_here, True
        try:
            self._deliver(outcomes)
        finally:
            self._here.delivers = outer

    @property
    def delivers_here(self) -> bool:
        """Is this thread handing out outcomes, and now in a done-callback of one?"""
        return getattr(self._here, "delivers", False)

    def _deliver(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            callset = self._callsets.get(outcome.callset_id)
            future = callset.pending.get(outcome.call_id) if callset is not None else None
            if callset is None or future is None:
                if isinstance(outcome.output, FileRef):  # of this machine, where none comes twice
                    remove_file(outcome.output)
                continue
            if outcome.kind is not OutcomeKind.VALUE and self._goes_again(callset, future, outcome):
                continue
            self._settle(callset, future, outcome)

    def _settle(self, callset: SentCallset, future: ResponseFuture[Any], outcome: Outcome) -> None:
        if callset.pending.pop(outcome.call_id, None) is None:
            return
        callset.held.pop(outcome.call_id, None)
        call = future.call
        published = outcome.call_id in callset.shared
        if published:
            publish(callset, outcome)
        if outcome.stdout_tail or outcome.stderr_tail:
            _log_output(outcome)
        if call is not None:
            self._backend.release(callset.spec, call)
        future.settle(outcome)
        if not published and outcome.call_id in callset.shared:  # shared in this very moment
            publish(callset, future.shareable_outcome())
        self._finish_if_over(callset)

    def _finish_if_over(self, callset: SentCallset) -> None:
        if not callset.sealed or callset.pending:
            return
        if self._callsets.pop(callset.callset_id, None) is not None:
            self._backend.finish(callset.spec)

    # -- again --------------------------------------------------------------------------------

    def _goes_again(
        self, callset: SentCallset, future: ResponseFuture[Any], outcome: Outcome
    ) -> bool:
        call = future.call
        if call is None:
            return False
        if outcome.attempt < call.attempt and self._backend.pushes_outcomes:
            return True  # the later one decides
        if not is_infrastructure_failure(outcome):
            return False
        if outcome.attempt < call.attempt:
            self._send_later(0.0, callset, call, outcome)
            return True
        if call.attempt > callset.retries:
            return False
        pause = pause_seconds(call.attempt, random.random())
        log.warning(
            "call %s of callset %s: attempt %d failed (%s); again in %.1f s",
            call.call_id,
            callset.callset_id[:8],
            call.attempt,
            outcome.error.message if outcome.error else outcome.kind.name,
            pause,
        )
        future.call = msgspec.structs.replace(call, attempt=call.attempt + 1)
        self._send_later(pause, callset, future.call, outcome)
        return True

    def _send_later(
        self, pause: float, callset: SentCallset, call: CallSpec, failed: Outcome
    ) -> None:
        """On a thread of its own: what goes wrong there harms no other call."""
        timer = threading.Timer(pause, self._send_again, (callset, call, failed))
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # Python is ending, and starts no more threads
            self._send_again(callset, call, failed)

    def _send_again(self, callset: SentCallset, call: CallSpec, failed: Outcome) -> None:
        """Send an attempt off after an earlier one failed: after a pause, or at once if that one
        ended late. Its record then holds the place of the later one, whose worker may have taken
        it for the end."""
        future = callset.pending.get(call.call_id)
        if future is None:
            return
        if not self._backend.pushes_outcomes and not self._place_is_free(callset, failed):
            self._settle(callset, future, failed)
            return
        self._start(callset, [call])
        if call.call_id not in callset.pending:  # cancelled in this very moment
            self.cancel(callset, [call.call_id])

    def _place_is_free(self, callset: SentCallset, failed: Outcome) -> bool:
        """Remove the record of a failed attempt: the first writer wins, and it must not have.

        What was lost has no record. If one comes late, it may be a good one, and stays.
        """
        from pywren.store.layout import outcome_key

        if not failed.attempt_id:
            return True
        key = outcome_key(callset.callset_id, failed.call_id)
        try:
            self._monitor.store.delete([key])
        except StorageError as error:  # then the failed attempt counts
            log.warning("the outcome of a failed attempt cannot be removed: %s", error)
            return False
        return True

    # -- what futures ask of their origin -----------------------------------------------------

    def cancel(self, callset: Callset, call_ids: Collection[str]) -> None:
        """Stop calls whose futures are cancelled."""
        if self._monitor is not None:
            self._monitor.forget(callset.callset_id, call_ids)
        self._backend.cancel(callset.callset_id, call_ids)
        if isinstance(callset, SentCallset):
            self._release(callset, call_ids)
            for call_id in callset.shared.intersection(call_ids):
                publish(callset, cancelled_outcome(callset, call_id))
            self._finish_if_over(callset)

    def _release(self, callset: SentCallset, call_ids: Collection[str]) -> None:
        for call_id in call_ids if callset.held else ():
            call = callset.held.pop(call_id, None)
            if call is not None:
                self._backend.release(callset.spec, call)

    def running(self, callset: Callset, call_id: str) -> bool:
        """Does the call run now, as far as the backend can tell?"""
        return self._backend.running(callset.callset_id, call_id)

    def set_pace(self, threads: int, longest_pause: float, *, look_now: bool) -> None:
        """How the store is to be watched, if it has to be."""
        if self._monitor is not None:
            self._monitor.set_pace(threads, longest_pause, look_now=look_now)

    def expect(self, callset: Callset, future: ResponseFuture[Any]) -> None:
        """Never asked of a courier: what it waits for, it has sent."""
        raise AssertionError(f"{future!r} was not sent by this process")

    def share(self, callset: Callset, future: ResponseFuture[Any]) -> dict[str, Any]:
        """Put the outcome where another process finds it, now or when it comes."""
        callset = as_sent(callset)
        if self._backend.pushes_outcomes:
            callset.shared.add(future.call_id)
            if future.outcome is not None:
                publish(callset, future.shareable_outcome())
        owner_path = getattr(self._backend, "owner_path", None)
        return {
            **callset.facts,
            "signing_key": callset.spec.signing_key.hex(),
            "timeout": callset.spec.timeout,
            "queue_allowance": self._backend.queue_allowance_seconds,
            "owner": owner_mark(owner_path) if owner_path else None,
            "cancelled": future.cancelled(),
        }

    def _watch(self, callset: SentCallset, calls: Sequence[CallSpec]) -> None:
        """Watch for the outcomes of calls that are the same attempt each."""
        from pywren.futures._monitor import Monitor

        with self._lock:
            if self._monitor is None:
                self._monitor = Monitor(callset.store_url)
        self._monitor.watch(
            callset.spec,
            [call.call_id for call in calls],
            self.deliver,
            lost_at=time.monotonic() + self._backend.queue_allowance_seconds + callset.spec.timeout,
            attempt=calls[0].attempt,
        )

    def close(self) -> None:
        """Stop watching."""
        if self._monitor is not None:
            self._monitor.close()


def _log_output(outcome: Outcome) -> None:
    if log.isEnabledFor(logging.INFO):
        name = f"{outcome.callset_id[:8]}/{outcome.call_id}"
        for tail in (outcome.stdout_tail, outcome.stderr_tail):
            for line in tail.decode(errors="backslashreplace").splitlines():
                log.info("%s: %s", name, line)
