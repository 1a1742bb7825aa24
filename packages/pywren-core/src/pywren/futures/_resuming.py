"""Futures of calls that another process sent, or this one in an earlier life.

All that such a future needs is its metadata and the store: the outcome is found by the monitor
and verified with the signing key. Futures of one callset share a lock, and those of one store a
monitor.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from pywren.futures._callset import Callset
from pywren.futures._monitor import Monitor
from pywren.futures._outputs import read_output
from pywren.liveness import has_ended, is_here
from pywren.protocol import CallsetSpec
from pywren.store.cancelling import cancel_calls
from pywren.store.records import MIN_SIGNING_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pywren.backends import Segments
    from pywren.futures._future import ResponseFuture
    from pywren.protocol import Outcome
    from pywren.store import Store

__all__ = ["callset_in_store", "seconds_until_lost"]

_CLOCK_SKEW_SECONDS: Final = 900.0  # S3 refuses clocks that are further off
_UNKNOWN_SECONDS: Final = 86400.0

_lock = threading.Lock()
_monitors: dict[str, Monitor] = {}
_callsets: WeakValueDictionary[tuple[str, str], ResumedCallset] = WeakValueDictionary()


def callset_in_store(
    callset_id: str, invoke_metadata: Mapping[str, Any], storage_path: str
) -> Callset:
    """The callset of a future that was sent elsewhere; in one process always the same one.

    Args:
        callset_id: which callset.
        invoke_metadata: what `ResponseFuture.invoke_status` and pickles carry: `signing_key`
            (hexadecimal) is needed; `timeout`, `queue_allowance` (seconds) and
            `host_submit_time` tell how long to wait for a call; `owner` tells whose end is the
            end of the calls.
        storage_path: the URL of the store.

    Raises:
        ValueError: no signing key, or none that can be.
        ConfigError: the store cannot be opened.
    """
    signing_key = _signing_key(invoke_metadata)
    with _lock:
        callset = _callsets.get((storage_path, callset_id))
        if callset is None:
            monitor = _monitor_of(storage_path)
            callset = ResumedCallset(
                callset_id, dict(invoke_metadata), storage_path, signing_key, monitor
            )
            _callsets[storage_path, callset_id] = callset
    return callset


def seconds_until_lost(metadata: Mapping[str, Any], now: float) -> float:
    """How long to wait for a call's outcome, at `now` (seconds since 1970).

    As long as its process lives, if that can be seen from here. Else what is left of queue and
    run time since it was sent, with some room for clocks that disagree; and not more than both
    together, if the clocks are further apart.

    >>> metadata = {"timeout": 100.0, "queue_allowance": 50.0, "host_submit_time": 1000.0}
    >>> seconds_until_lost(metadata, 1000.0), seconds_until_lost(metadata, 1e9)
    (150.0, 0.0)
    """
    owner = metadata.get("owner")
    if owner and is_here(owner):
        return float("inf")
    timeout, allowance = metadata.get("timeout"), metadata.get("queue_allowance", 0.0)
    if timeout is None or owner:
        return _UNKNOWN_SECONDS
    whole = timeout + allowance
    sent_at = metadata.get("host_submit_time", now)
    return float(max(0.0, min(whole, sent_at + whole + _CLOCK_SKEW_SECONDS - now)))


class ResumedCallset(Callset):
    """A callset whose calls were sent elsewhere. Several futures may be of the same call."""

    def __init__(
        self,
        callset_id: str,
        metadata: dict[str, Any],
        store_url: str,
        signing_key: bytes,
        monitor: Monitor,
    ) -> None:
        hidden = ("signing_key", "cancelled")
        public = {name: value for name, value in metadata.items() if name not in hidden}
        super().__init__(
            callset_id, store_url, _StoreOrigin(monitor, metadata), public, signing_key
        )
        self.spec = CallsetSpec(
            callset_id=callset_id, function="", timeout=0.0, signing_key=signing_key
        )
        self.expected: dict[str, list[ResponseFuture[Any]]] = {}
        self._store = monitor.store

    def expect(self, future: ResponseFuture[Any]) -> None:
        """Watch for the outcome of a call."""
        with self.lock:
            self.expected.setdefault(future.call_id, []).append(future)
        super().expect(future)

    def take(self, call_id: str) -> list[ResponseFuture[Any]]:
        """The futures of a call that is over; they are not expected any more."""
        with self.lock:
            self.pending.pop(call_id, None)
            return self.expected.pop(call_id, [])

    def deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Hand outcomes to all futures of their calls."""
        for outcome in outcomes:
            for future in self.take(outcome.call_id):
                future.settle(outcome)

    def read_output(self, outcome: Outcome, store: Store | None) -> Segments:
        """The segments of the output, from the store that the outcome came from."""
        return read_output(outcome, store or self._store, self.store_url)


class _StoreOrigin:
    """What can be said about calls from afar: only through the store."""

    def __init__(self, monitor: Monitor, metadata: dict[str, Any]) -> None:
        self._monitor = monitor
        self._metadata = metadata

    def expect(self, callset: Callset, future: ResponseFuture[Any]) -> None:
        """Watch for the outcome."""
        if not isinstance(callset, ResumedCallset):
            raise TypeError(f"{callset.callset_id} was not resumed from a store")
        owner = self._metadata.get("owner")
        self._monitor.watch(
            callset.spec,
            [future.call_id],
            callset.deliver,
            lost_at=time.monotonic() + seconds_until_lost(self._metadata, time.time()),
            abandoned=(lambda: has_ended(owner)) if owner else None,
        )

    def cancel(self, callset: Callset, call_ids: Collection[str]) -> None:
        """Leave a word for the workers. A local executor's do not read it: its calls run on, but
        no future of them in this process waits any more."""
        if isinstance(callset, ResumedCallset):
            for future in [future for call_id in call_ids for future in callset.take(call_id)]:
                future.end_cancelled()
        self._monitor.forget(callset.callset_id, call_ids)
        cancel_calls(self._monitor.store, callset.callset_id, call_ids)

    def running(self, callset: Callset, call_id: str) -> bool:
        """False: nobody can tell from here."""
        return False

    def share(self, callset: Callset, future: ResponseFuture[Any]) -> dict[str, Any]:
        """The outcome is where others find it, or will be: only the metadata goes on."""
        return {**self._metadata, "cancelled": future.cancelled()}

    def set_pace(self, threads: int, longest_pause: float, *, look_now: bool) -> None:
        """How to look for outcomes."""
        self._monitor.set_pace(threads, longest_pause, look_now=look_now)


def _monitor_of(storage_path: str) -> Monitor:
    monitor = _monitors.get(storage_path)
    if monitor is None:
        import atexit

        monitor = _monitors[storage_path] = Monitor(storage_path)
        # A thread amid a request must not meet the end of the interpreter.
        atexit.register(monitor.close)
    return monitor


def _signing_key(metadata: Mapping[str, Any]) -> bytes:
    text = metadata.get("signing_key")
    try:
        key = bytes.fromhex(text or "")
    except (TypeError, ValueError):
        key = b""
    if len(key) < MIN_SIGNING_KEY_BYTES:
        raise ValueError(
            "invoke_metadata: expected a 'signing_key' of at least "
            f"{2 * MIN_SIGNING_KEY_BYTES} hexadecimal digits, without which no outcome can be "
            f"verified; found {'none' if text is None else 'another text'}: pickle the future to "
            "pass it on, or keep the whole metadata"
        )
    return key
