"""A backend for tests: what a remote service is to the rest of PyWren, without the service.

Calls travel as the JSON of the protocol, and nothing else reaches the workers; outcomes come back
through the store, and nothing else reaches the client. What may go wrong on the way goes wrong
as a plan says.
"""

from __future__ import annotations

import logging
import os
import queue
import shutil
import signal
import tempfile
import threading
import time
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from pywren.errors import BackendError, StorageError
from pywren.frames import frame_size, join, pieces
from pywren.protocol import CallsetSpec, CallSpec, Dispatch, StoreRef, from_json, to_json
from pywren.runner import StoreRunner
from pywren.serialization.functions import digest_of
from pywren.store import Store, open_store
from pywren.store.cancelling import cancel_calls
from pywren.store.layout import function_key, input_key, manifest_key
from pywren.testing.saboteur import Fault, SabotagedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pywren.backends import Deliver, Segments, Sending

__all__ = ["Mishap", "StoreBackend"]

log = logging.getLogger("pywren.testing")

_FOR_EVER = 10**9


class Mishap(msgspec.Struct, frozen=True):
    """One line of the plan: what happens to a call on its way.

    Fields:
        how: `drop`: accepted, and never run. `duplicate`: run twice at the same time, by two
            workers. `delay`: `seconds` pass first. `kill`: its worker process is killed while it
            runs. `lose_commit`: it runs, and its outcome cannot be stored.
        call: a pattern for its call id, as in the shell.
        first: the first attempt that is hit (the client counts attempts).
        times: how many attempts are hit from then on.
        seconds: of a `delay`, handed to the backend's `sleep`.
    """

    how: Literal["drop", "duplicate", "delay", "kill", "lose_commit"]
    call: str = "*"
    first: int = 1
    times: int = 1
    seconds: float = 0.0

    def hits(self, call: CallSpec) -> bool:
        """Is it this call's turn, at this attempt?

        >>> Mishap("drop", "0000?").hits(CallSpec("00003")), Mishap("drop").hits(
        ...     CallSpec("00003", attempt=2)
        ... )
        (True, False)
        """
        in_turn = self.first <= call.attempt < self.first + self.times
        return in_turn and fnmatchcase(call.call_id, self.call)


class StoreBackend:
    """Runs calls on this machine as a remote service would: messages there, the store back.

    Args:
        store_url: the store that client and workers share.
        workers: how many messages are worked on at the same time.
        mishaps: what goes wrong. A call that several lines hit suffers the first.
        queue_allowance_seconds: as in `pywren.backends.Backend`.
        cancel_look_seconds: how often workers look whether calls were cancelled.
        sleep: waits for a `delay`.

    >>> import uuid
    >>> from pywren.config import load_config
    >>> from pywren.executor import Executor
    >>> backend = StoreBackend(f"memory://{uuid.uuid4().hex}")
    >>> with Executor(backend, load_config({})) as pwex:
    ...     pwex.call_async(abs, -7).result(timeout=60)
    7
    """

    name: ClassVar[str] = "store"
    pushes_outcomes: ClassVar[bool] = False
    inline_limit_bytes: ClassVar[int] = 32 * 1024
    default_retries: ClassVar[int] = 0

    def __init__(
        self,
        store_url: str,
        *,
        workers: int = 2,
        mishaps: Sequence[Mishap] = (),
        queue_allowance_seconds: float = 60.0,
        cancel_look_seconds: float = 0.2,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.store_url = store_url
        self.queue_allowance_seconds = queue_allowance_seconds
        self.sent: list[bytes] = []
        self._workers = workers
        self._mishaps = tuple(mishaps)
        self._cancel_look_seconds = cancel_look_seconds
        self._sleep = sleep
        self._held: set[str] = set()
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def open(self, deliver: Deliver) -> None:
        self._store = open_store(self.store_url)
        self._directory = tempfile.mkdtemp(prefix="pywren-testing-")
        self._runner = self._new_runner(self._store, self._workers)
        self._runner.open()
        for _ in range(self._workers):
            self._threads.append(threading.Thread(target=self._work, daemon=True))
            self._threads[-1].start()

    def hold_function(self, digest: str, segments: Segments) -> None:
        if digest not in self._held:
            self._store.create(function_key(digest), join(segments))
            self._held.add(digest)

    def hold_input(self, callset_id: str, call_id: str, segments: Segments) -> StoreRef:
        key = input_key(callset_id, call_id)
        self._store.put(key, list(pieces(segments)))
        return StoreRef(key, frame_size(segments), digest_of(segments))

    def start(self, callset: CallsetSpec, calls: Sequence[CallSpec], sending: Sending) -> None:
        self._put_manifest(callset)
        for first in range(0, len(calls), sending.chunksize):
            message = to_json(Dispatch(callset, list(calls[first : first + sending.chunksize])))
            self.sent.append(message)
            self._messages.put(message)

    def _put_manifest(self, callset: CallsetSpec) -> None:
        if callset.callset_id not in self._held:
            self._held.add(callset.callset_id)
            public = msgspec.structs.replace(callset, signing_key=b"", env={})  # no secrets
            self._store.put(manifest_key(callset.callset_id), to_json(public))

    def release(self, callset: CallsetSpec, call: CallSpec) -> None:
        """Inputs stay: another copy of the call may still run."""

    def finish(self, callset: CallsetSpec) -> None:
        self._held.discard(callset.callset_id)

    def running(self, callset_id: str, call_id: str) -> bool:
        return self._runner.running(callset_id, call_id)

    def cancel(self, callset_id: str, call_ids: Collection[str] | None = None) -> None:
        cancel_calls(self._store, callset_id, call_ids)

    def close(self, *, wait: bool) -> None:
        for _ in self._threads:
            self._messages.put(None)
        if not wait:
            self._runner.close()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._runner.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    # -- the other side -----------------------------------------------------------------------

    def _work(self) -> None:
        while (message := self._messages.get()) is not None:
            try:
                self._handle(from_json(message, Dispatch))
            except (
                StorageError,
                BackendError,
            ) as error:  # a service would send it again; we drop it
                log.warning("a message was not worked off: %s", error)

    def _handle(self, dispatch: Dispatch) -> None:
        harmed = [(call, mishap) for call in dispatch.calls if (mishap := self._mishap(call))]
        hit = [call for call, _ in harmed]
        self._runner.run(
            Dispatch(dispatch.callset, [call for call in dispatch.calls if call not in hit])
        )
        for call, mishap in harmed:
            self._harm(mishap, Dispatch(dispatch.callset, [call]))

    def _mishap(self, call: CallSpec) -> Mishap | None:
        return next((mishap for mishap in self._mishaps if mishap.hits(call)), None)

    def _harm(self, mishap: Mishap, dispatch: Dispatch) -> None:
        if mishap.how == "delay":
            self._sleep(mishap.seconds)
            self._runner.run(dispatch)
        elif mishap.how == "duplicate":
            self._run_twice(dispatch)
        elif mishap.how == "kill":
            self._run_and_kill(dispatch)
        elif mishap.how == "lose_commit":
            self._run_and_lose(dispatch)

    def _run_twice(self, dispatch: Dispatch) -> None:
        with self._another_runner(self._store) as other, _running(other, dispatch):
            self._runner.run(dispatch)

    def _run_and_kill(self, dispatch: Dispatch) -> None:
        callset_id, call_id = dispatch.callset.callset_id, dispatch.calls[0].call_id
        with self._another_runner(self._store) as lonely, _running(lonely, dispatch) as thread:
            while thread.is_alive() and not lonely.running(callset_id, call_id):
                time.sleep(0.005)
            for process_id in lonely.process_ids():
                os.kill(process_id, signal.SIGKILL)

    def _run_and_lose(self, dispatch: Dispatch) -> None:
        fault = Fault("create", "*/outcomes/*", "error", times=_FOR_EVER)
        store = SabotagedStore(self._store, [fault], sleep=lambda _: None)
        with self._another_runner(store) as runner:
            runner.run(dispatch)

    @contextmanager
    def _another_runner(self, store: Store) -> Iterator[StoreRunner]:
        with self._new_runner(store, 1) as runner:
            yield runner

    def _new_runner(self, store: Store, workers: int) -> StoreRunner:
        return StoreRunner(
            store,
            workers,
            directory=tempfile.mkdtemp(dir=self._directory),
            facts={"backend": self.name},
            cancel_look_seconds=self._cancel_look_seconds,
        )


@contextmanager
def _running(runner: StoreRunner, dispatch: Dispatch) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=runner.run, args=(dispatch,), daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()
