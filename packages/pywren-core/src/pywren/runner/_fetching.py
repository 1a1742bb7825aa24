"""Bringing what a call needs from the store to this machine: its function and its inputs.

Everything is verified by its digest before it is handed on; nothing is unpickled here. What is
small stays in memory, what is large becomes a file, which the worker process maps.
"""

from __future__ import annotations

import os
import threading
from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

from pywren.errors import IntegrityError, StorageError, StorageKeyError
from pywren.parallel import side_by_side
from pywren.protocol import CallSpec, FileRef, OutcomeKind, OutcomeRef, Payload, StoreRef
from pywren.runner._payloads import write_frame_file
from pywren.store import open_store
from pywren.store.commit import read_outcome
from pywren.store.layout import function_key
from pywren.store.records import verify_digest
from pywren.store.references import read_reference
from pywren.store.retrying import retrying

if TYPE_CHECKING:
    from collections.abc import Callable

    from pywren.runner._pool import WorkerPool
    from pywren.store import Store

__all__ = ["HeldFunctions", "fetch_call", "remove_inputs"]

_INLINE_BYTES: Final = 64 * 1024
_FUNCTIONS_KEPT: Final = 32
_REQUESTS_AT_ONCE: Final = 32

_numbers = count()


class HeldFunctions:
    """The functions that were fetched, in front of a pool that runs them.

    The most recent ones stay: a warm worker fetches a function once, however many calls it runs.
    """

    def __init__(
        self, store: Store, pool: WorkerPool, directory: str, sleep: Callable[[float], object]
    ) -> None:
        self._store = store
        self._pool = pool
        self._directory = f"{directory}/functions"
        self._sleep = sleep
        self._lock = threading.Lock()
        self._payloads: dict[str, bytes | FileRef] = {}
        self._uses: dict[str, int] = {}

    def acquire(self, digest: str) -> None:
        """Have the function ready until `release`.

        Raises `StorageError` if it cannot be fetched, `IntegrityError` if what is stored is
        another one.
        """
        with self._lock:
            payload = self._payloads.pop(digest, None)
            if payload is None:
                payload = self._fetch(digest)
                self._pool.add_function(digest, payload)
            self._payloads[digest] = payload  # now the most recently used
            self._uses[digest] = self._uses.get(digest, 0) + 1
            self._drop_surplus()

    def release(self, digest: str) -> None:
        """One user less."""
        with self._lock:
            self._uses[digest] -= 1

    def _fetch(self, digest: str) -> bytes | FileRef:
        key = function_key(digest)

        def read() -> bytes | memoryview:
            data = self._store.get(key)
            verify_digest(data, digest, f"{key} in {self._store.url}")
            return data

        data = retrying(read, again=_may_pass, sleep=self._sleep)
        if len(data) <= _INLINE_BYTES:
            return bytes(data)
        return write_frame_file(f"{self._directory}/{next(_numbers)}", [data])

    def _drop_surplus(self) -> None:
        surplus = len(self._payloads) - _FUNCTIONS_KEPT
        unused = [digest for digest in self._payloads if not self._uses[digest]]
        for digest in unused[: max(0, surplus)]:
            payload = self._payloads.pop(digest)
            del self._uses[digest]
            self._pool.remove_function(digest)
            if isinstance(payload, FileRef):
                os.unlink(payload.path)


def fetch_call(
    store: Store, call: CallSpec, directory: str, sleep: Callable[[float], object]
) -> CallSpec:
    """The same call with all that it takes on this machine.

    Raises `StorageError` if something cannot be fetched, `IntegrityError` if it is not what the
    call says, `VersionMismatch` if it was written with another protocol.
    """

    def fetched(payload: Payload) -> Payload:
        return _fetch_payload(store, payload, f"{directory}/inputs", sleep)

    if not call.parts:
        return msgspec.structs.replace(call, input=fetched(call.input))
    numbered = list(enumerate(call.parts))
    parts = {
        number: payload
        for batch in side_by_side(lambda part: fetched(part[1]), numbered, _REQUESTS_AT_ONCE)
        for (number, _), payload in batch
    }
    return msgspec.structs.replace(call, parts=[parts[number] for number, _ in numbered])


def remove_inputs(call: CallSpec, directory: str) -> None:
    """Remove the files that `fetch_call` made for this call."""
    for payload in (call.input, *call.parts):
        if isinstance(payload, FileRef) and payload.path.startswith(f"{directory}/inputs/"):
            os.unlink(payload.path)


def _fetch_payload(
    store: Store, payload: Payload, directory: str, sleep: Callable[[float], object]
) -> Payload:
    if isinstance(payload, OutcomeRef):
        payload, store = _output_of(store, payload, sleep)
    if not isinstance(payload, StoreRef):
        return payload
    data = read_reference(store, payload, sleep=sleep)
    if len(data) <= _INLINE_BYTES:
        return bytes(data)
    return write_frame_file(f"{directory}/{next(_numbers)}", [data])


def _output_of(
    store: Store, ref: OutcomeRef, sleep: Callable[[float], object]
) -> tuple[Payload, Store]:
    """Where the output of another call is, and in which store."""
    there = store if ref.store_url == store.url else open_store(ref.store_url)
    outcome = read_outcome(there, ref.callset_id, ref.call_id, ref.signing_key, sleep=sleep)
    if outcome is None or outcome.kind is not OutcomeKind.VALUE or outcome.output is None:
        found = "nothing" if outcome is None else outcome.kind.name
        raise StorageError(
            f"the value of call {ref.call_id} of callset {ref.callset_id[:8]} is wanted as an "
            f"input, and its outcome in {ref.store_url} is {found}: run that call again"
        )
    return outcome.output, there


def _may_pass(error: Exception) -> bool:
    return isinstance(error, IntegrityError | StorageKeyError)
