"""One call over the results of others, which go there without passing through this process."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from pywren.errors import PywrenError
from pywren.frames import split
from pywren.futures._future import ResponseFuture
from pywren.protocol import CallSpec, ErrorInfo, FileRef, OutcomeKind, OutcomeRef, Payload
from pywren.runner._endings import failed_outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pywren.executor._courier import Courier
    from pywren.executor._sent_callset import SentCallset

__all__ = ["reduce_futures"]


def reduce_futures(
    courier: Courier, callset: SentCallset, futures: Sequence[ResponseFuture[Any]]
) -> ResponseFuture[Any]:
    """The future of the one call of `callset`, which is sent when all `futures` are over."""
    call = CallSpec("00000")
    reduced = courier.promise(callset, call)
    waiting = _Waiting(courier, callset, call, reduced, futures)
    for future in futures:
        future.add_done_callback(waiting.one_less)
    waiting.one_less(None)
    return reduced


class _Waiting:
    """Counts futures that are over, and sends the call after the last. It is one more than the
    futures are, so that none of them is the last before all were asked."""

    def __init__(
        self,
        courier: Courier,
        callset: SentCallset,
        call: CallSpec,
        reduced: ResponseFuture[Any],
        futures: Sequence[ResponseFuture[Any]],
    ) -> None:
        self._courier = courier
        self._callset = callset
        self._call = call
        self._reduced = reduced
        self._futures = futures
        self._left = len(futures) + 1
        self._lock = threading.Lock()

    def one_less(self, _: object) -> None:
        """One of the futures is over."""
        with self._lock:
            self._left -= 1
            if self._left:
                return
        self._go()

    def _go(self) -> None:
        failed = next((future for future in self._futures if not future.succeeded()), None)
        try:
            if failed is not None:
                self._fail(failed)
            else:
                self._send()
        except (OSError, PywrenError) as error:  # there is nobody above to tell but the future
            if not self._reduced.done():
                self._give_up(error)

    def _send(self) -> None:
        parts = [self._part(number, future) for number, future in enumerate(self._futures)]
        call = msgspec.structs.replace(self._call, parts=parts)
        self._courier.fulfil(self._callset, self._reduced, call)

    def _part(self, number: int, future: ResponseFuture[Any]) -> Payload:
        """Where a worker finds the result of a future that is over, whatever is done with the
        future from now on."""
        part = part_of(future, self._callset.store_url)
        if isinstance(part, FileRef):
            own = f"{part.path}-{self._callset.callset_id}-{number}"
            try:
                os.link(part.path, own)
            except FileNotFoundError:  # loaded in this very moment: it is in memory now
                part = part_of(future, self._callset.store_url)
            else:
                return msgspec.structs.replace(part, path=own)
        if isinstance(part, bytes) and len(part) > self._courier.inline_limit_bytes:
            return self._courier.hold(self._callset, f"{self._call.call_id}-{number}", split(part))
        return part

    def _fail(self, failed: ResponseFuture[Any]) -> None:
        outcome = failed.outcome
        if outcome is None or outcome.kind is OutcomeKind.CANCELLED:
            self._reduced.cancel()
            self._courier.seal(self._callset)
            return
        own = msgspec.structs.replace(
            outcome,
            callset_id=self._callset.callset_id,
            call_id=self._call.call_id,
            output=None if outcome.output is None else self._part(0, failed),
        )
        self._courier.deliver_own(self._callset, own)

    def _give_up(self, error: Exception) -> None:
        info = ErrorInfo(type(error).__name__, f"it could not be sent: {error}")
        outcome = failed_outcome(self._callset.spec, self._call, OutcomeKind.UNAVAILABLE, info)
        self._courier.deliver_own(self._callset, outcome)


def part_of(future: ResponseFuture[Any], store_url: str) -> Payload:
    """Where a worker finds the result of a future that is over."""
    outcome = future.shareable_outcome()
    if isinstance(outcome.output, bytes | FileRef):
        return outcome.output
    return OutcomeRef(
        future.storage_path or store_url, future.callset_id, future.call_id, future.signing_key
    )
