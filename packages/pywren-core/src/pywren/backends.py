"""The seam between what to do and where it runs.

A backend is only two things: how call specs reach a worker, and how outcomes come back. It is
found by its name through the entry-point group ``pywren.executors`` (see `pywren.lookup`), which
names a function ``open_backend(config, *, job_max_runtime, **options)`` that returns a `Backend`.

How the parts play together::

    Executor ── hold_function, hold_input ──> backend     payloads, where workers can read them
             ── start(callset, calls) ──────> backend ──> workers
    futures <── deliver(outcome) ──────────── backend     if `pushes_outcomes`
    futures <── monitor <── store <──────────────────── workers, otherwise
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from pywren.protocol import CallsetSpec, CallSpec, Deliver, FileRef, StoreRef

__all__ = ["Backend", "Deliver", "Segments", "Sending"]

Segments = Sequence[bytes | bytearray | memoryview]
"""The segments of a payload frame (see `pywren.frames`)."""


class Sending(msgspec.Struct, frozen=True):
    """How the user wants calls to be sent: so many in one message, by so many threads."""

    chunksize: int = 1
    invoke_pool_threads: int = 64


@runtime_checkable
class Backend(Protocol):
    """Where calls run."""

    @property
    def name(self) -> str:
        """What `PYWREN_EXECUTOR` calls it."""

    @property
    def pushes_outcomes(self) -> bool:
        """Does the backend hand outcomes to `deliver` itself? If not, workers leave them in the
        store at `store_url`, where the monitor finds them."""

    @property
    def store_url(self) -> str:
        """The store that client and workers share."""

    @property
    def inline_limit_bytes(self) -> int:
        """Inputs up to this size travel inside the call spec."""

    @property
    def default_retries(self) -> int:
        """How often a call whose worker was lost is sent again, if the user does not say."""

    @property
    def queue_allowance_seconds(self) -> float:
        """How long a call may be under way, beside the time that it runs, before it counts as
        lost where nobody else would notice: the wait for a worker, and both journeys."""

    def open(self, deliver: Deliver) -> None:
        """Called once, before anything else."""

    def hold_function(self, digest: str, segments: Segments) -> None:
        """Put a function payload where workers find it by `digest`; once per content."""

    def hold_input(self, callset_id: str, call_id: str, segments: Segments) -> FileRef | StoreRef:
        """Put an input that is too large to travel inline where workers find it."""

    def start(self, callset: CallsetSpec, calls: Sequence[CallSpec], sending: Sending) -> None:
        """Send calls off. Returns before they have run, and may before they are sent."""

    def release(self, callset: CallsetSpec, call: CallSpec) -> None:
        """A call is over and will not be sent again: what was held for it may go."""

    def finish(self, callset: CallsetSpec) -> None:
        """All calls of a callset are over, and no more will come."""

    def running(self, callset_id: str, call_id: str) -> bool:
        """Is the call running now, as far as this side can tell?"""

    def cancel(self, callset_id: str, call_ids: Collection[str] | None = None) -> None:
        """Stop calls, queued or running; all of the callset if `call_ids` is None."""

    def close(self, *, wait: bool) -> None:
        """Free everything; with `wait` only after the calls that were started have ended. A
        backend that was never opened has little to free; closing twice is harmless."""
