"""Running calls that arrive as messages, for whom the store is the only way back.

The story of a message in here::

    Dispatch ──> versions agree? ── no ──────────────────────────────┐
                 over already? ──── yes: nothing to do               │
                 cancelled? ─────── yes ─────────────────────────────┤
    store ─────> function (once), inputs ── cannot be had ───────────┤
                 WorkerPool runs the calls ── outcome, crash, timeout┤
    store <───── cancel object? every few seconds; kills             v
    store <───────────────────────────────────── commit: the first writer wins

`run` returns when every call of the message has an outcome in the store, so that the message may
be acknowledged then and not before. If the store stays away it raises: the message must come
again.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pywren.errors import BackendError, IntegrityError, StorageError, VersionMismatch
from pywren.parallel import side_by_side
from pywren.protocol import (
    CallsetSpec,
    CallSpec,
    Dispatch,
    ErrorInfo,
    FileRef,
    Outcome,
    OutcomeKind,
)
from pywren.runner._endings import cancelled_outcome, failed_outcome, version_mismatch
from pywren.runner._fetching import HeldFunctions, fetch_call, remove_inputs
from pywren.runner._job import Job, Key
from pywren.runner._payloads import map_file
from pywren.runner._pool import WorkerPool
from pywren.store.cancelling import read_cancelled
from pywren.store.commit import commit_outcome, read_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from pywren.store import Store

__all__ = ["StoreRunner", "should_look"]

_COMMITS_AT_ONCE: Final = 16
_WORKS: Final = ("functions", "inputs")

_UNFETCHED: Final = (StorageError, VersionMismatch, OSError, ValueError)
"""Why a function or an input cannot be had: the store, its content, this machine's disk, or a
message with a key or URL that cannot be."""


def should_look(age_seconds: float, since_look_seconds: float, every_seconds: float) -> bool:
    """Look for the cancel object before a call starts? Not if the callset is so fresh, or the
    last look so recent, that a look while the call runs comes early enough.

    >>> should_look(0.3, float("inf"), 5.0), should_look(60.0, 1.0, 5.0), should_look(60.0, 9.0, 5.0)
    (False, False, True)
    """
    return age_seconds >= every_seconds and since_look_seconds >= every_seconds


class StoreRunner:
    """Runs the calls of messages in worker processes; outcomes go to the store.

    It may be used from several threads, each with a message of its own.

    Args:
        store: where functions, inputs and outcomes are.
        workers: how many calls run at the same time.
        directory: a fresh private directory for what runner and worker processes share; whoever
            made it removes it after `close`.
        memory_limit_bytes: a call that holds more resident memory is killed; None: no limit.
        facts: about this worker; they are added to each outcome's `worker`.
        cancel_look_seconds: how often to look whether calls were cancelled.
        environment: of the worker processes; by default this process's.
        clock, sleep: for tests.

    >>> import tempfile
    >>> from pywren.testing import MemoryStore
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with StoreRunner(MemoryStore(), directory=directory) as runner:
    ...         runner.run(Dispatch(CallsetSpec(callset_id="c0ffee", function="", timeout=1), []))
    []
    """

    def __init__(
        self,
        store: Store,
        workers: int = 1,
        *,
        directory: str,
        memory_limit_bytes: int | None = None,
        facts: Mapping[str, Any] | None = None,
        cancel_look_seconds: float = 5.0,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.store = store
        self._directory = directory
        self._facts = dict(facts or {})
        self._every = cancel_look_seconds
        self._clock = clock
        self._sleep = sleep
        self._pool = WorkerPool(
            workers,
            directory=directory,
            deliver=self._route,
            memory_limit_bytes=memory_limit_bytes,
            environment=environment,
        )
        self._functions = HeldFunctions(store, self._pool, directory, sleep)
        self._changed = threading.Condition()
        self._jobs: dict[Key, Job] = {}
        self._looked_at: dict[str, float] = {}
        self._closing = False

    def open(self) -> None:
        """Start the first worker process: it comes up while the first message is on its way."""
        for name in _WORKS:
            os.makedirs(f"{self._directory}/{name}", mode=0o700, exist_ok=True)
        self._pool.open()

    def run(self, dispatch: Dispatch, *, redelivered: bool = False) -> list[Outcome]:
        """Run the calls of a message; return when each has its outcome in the store.

        Args:
            dispatch: the message.
            redelivered: it may have been here or elsewhere before: look first whether its calls
                are over. (Calls that were sent again by the client are looked up anyway.)

        Returns:
            The outcomes that count: this run's, or those of whoever was first.

        Raises:
            StorageError: some outcome could not be stored; the message must come again. The
                other calls of the message are over all the same.
            BackendError: the runner was closed meanwhile; likewise.
        """
        job, twins = self._claim(dispatch)
        try:
            self._run(job, redelivered)
        finally:
            self._withdraw(job)
        for call in twins:
            self._await_twin(job, call)
        if job.failure is not None:
            raise job.failure
        return list(job.outcomes.values())

    def running(self, callset_id: str, call_id: str) -> bool:
        """Does a worker process run the call at this moment?"""
        return self._pool.running(callset_id, call_id)

    def process_ids(self) -> list[int]:
        """The process ids of the worker processes."""
        return self._pool.process_ids()

    def close(self) -> None:
        """Stop the worker processes. Calls that have not ended get no outcome from here: their
        `run` raises, and their message can come again elsewhere. Twice is harmless."""
        self._closing = True
        self._pool.close(wait=False)

    def __enter__(self) -> Self:
        """Open it."""
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    # -- the same call twice at the same time -------------------------------------------------

    def _claim(self, dispatch: Dispatch) -> tuple[Job, list[CallSpec]]:
        """The calls that nobody here runs, as a job; and those that another message brought."""
        callset_id = dispatch.callset.callset_id
        with self._changed:
            twins = [call for call in dispatch.calls if (callset_id, call.call_id) in self._jobs]
            known = {call.call_id for call in twins}
            job = Job(dispatch.callset, [c for c in dispatch.calls if c.call_id not in known])
            self._jobs.update(dict.fromkeys(job.all_keys(), job))
        return job, twins

    def _withdraw(self, job: Job) -> None:
        with self._changed:
            for key in job.all_keys():
                del self._jobs[key]
            self._changed.notify_all()

    def _await_twin(self, job: Job, call: CallSpec) -> None:
        key = (job.callset.callset_id, call.call_id)
        with self._changed:
            self._changed.wait_for(lambda: key not in self._jobs)  # its own deadline ends it
        outcome = self._outcome_of(job.callset, call)
        if outcome is None:
            job.failure = StorageError(f"call {call.call_id} came twice, and has no outcome yet")
        else:
            job.outcomes[call.call_id] = outcome

    # -- one message ----------------------------------------------------------------------------

    def _run(self, job: Job, redelivered: bool) -> None:
        mismatch = version_mismatch(job.callset)
        if mismatch is not None:
            self._end_all(job, OutcomeKind.VERSION_MISMATCH, mismatch)
            return
        self._skip_finished(job, redelivered)
        self._skip_cancelled(job)
        if not job.waiting:
            return
        try:
            self._functions.acquire(job.callset.function)
        except _UNFETCHED as error:
            self._end_all(job, *_unfetched(error))
            return
        try:
            self._run_calls(job)
        finally:
            self._functions.release(job.callset.function)
            self._pool.finish(job.callset.callset_id)

    def _skip_finished(self, job: Job, redelivered: bool) -> None:
        for call in list(job.waiting.values()):
            if redelivered or call.attempt > 1:
                try:
                    outcome = self._outcome_of(job.callset, call)
                except (IntegrityError, VersionMismatch) as error:
                    job.fail(call.call_id, _unusable(error))
                    continue
                if outcome is not None:
                    job.end(call.call_id, outcome)

    def _outcome_of(self, callset: CallsetSpec, call: CallSpec) -> Outcome | None:
        key = callset.signing_key
        return read_outcome(self.store, callset.callset_id, call.call_id, key, sleep=self._sleep)

    def _skip_cancelled(self, job: Job) -> None:
        callset = job.callset
        looked_at = self._looked_at.get(callset.callset_id, float("-inf"))
        age = time.time() - callset.submitted_at
        if job.waiting and should_look(age, self._clock() - looked_at, self._every):
            cancelled = self._look(job)
            gone = [call for call in job.waiting.values() if cancelled(call.call_id)]
            self._commit(job, [cancelled_outcome(callset, call) for call in gone])

    def _look(self, job: Job) -> Callable[[str], bool]:
        callset_id = job.callset.callset_id
        self._looked_at = {callset_id: self._clock()}  # of one callset: workers have one at a time
        try:
            return read_cancelled(self.store, callset_id)
        except StorageError:  # the calls go on; the next look is soon
            return lambda call_id: False

    def _run_calls(self, job: Job) -> None:
        started = self._fetch_all(job)
        try:
            self._pool.submit(job.callset, started, chunksize=max(1, len(started)))
            while job.waiting and not job.abandoned:
                outcomes = job.arrived(self._every)
                if outcomes:
                    self._commit(job, outcomes)
                else:
                    self._kill_cancelled(job)
        finally:
            for call in started:
                remove_inputs(call, self._directory)

    def _fetch_all(self, job: Job) -> list[CallSpec]:
        fetched = []
        for call in list(job.waiting.values()):
            try:
                fetched.append(fetch_call(self.store, call, self._directory, self._sleep))
            except _UNFETCHED as error:
                self._commit(job, [failed_outcome(job.callset, call, *_unfetched(error))])
        return fetched

    def _kill_cancelled(self, job: Job) -> None:
        cancelled = self._look(job)
        doomed = [call_id for call_id in job.waiting if cancelled(call_id)]
        if doomed:
            self._pool.cancel(job.callset.callset_id, doomed)

    def _route(self, outcomes: Sequence[Outcome]) -> None:
        """From the pool's thread to the thread that waits: nothing is sent from here."""
        for outcome in outcomes:
            job = self._jobs.get((outcome.callset_id, outcome.call_id))
            if job is not None:
                job.arrive(outcome)

    # -- outcomes -------------------------------------------------------------------------------

    def _end_all(self, job: Job, kind: OutcomeKind, error: ErrorInfo) -> None:
        calls = list(job.waiting.values())
        self._commit(job, [failed_outcome(job.callset, call, kind, error) for call in calls])

    def _commit(self, job: Job, outcomes: Sequence[Outcome]) -> None:
        stopped = [o for o in outcomes if self._closing and o.kind is OutcomeKind.CANCELLED]
        for outcome in stopped:
            job.fail(outcome.call_id, BackendError("the runner was closed before the call ended"))
        own = [outcome for outcome in outcomes if outcome not in stopped]
        for batch in side_by_side(lambda it: self._commit_one(job, it), own, _COMMITS_AT_ONCE):
            for outcome, result in batch:
                if isinstance(result, Outcome):
                    job.end(outcome.call_id, result)
                else:
                    job.fail(outcome.call_id, result)

    def _commit_one(self, job: Job, outcome: Outcome) -> Outcome | StorageError:
        signed = msgspec.structs.replace(
            outcome,
            attempt_id=os.urandom(16).hex(),
            worker={**outcome.worker, **self._facts},
        )
        key = job.callset.signing_key
        try:
            if not isinstance(outcome.output, FileRef):
                return commit_outcome(self.store, signed, key, sleep=self._sleep)
            pieces = [map_file(outcome.output)]
            return commit_outcome(self.store, signed, key, output=pieces, sleep=self._sleep)
        except StorageError as error:
            return error
        except VersionMismatch as error:
            return _unusable(error)
        finally:
            if isinstance(outcome.output, FileRef):
                os.unlink(outcome.output.path)


def _unusable(error: StorageError | VersionMismatch) -> StorageError:
    """The place of an outcome is taken by what is none for this release: its call alone fails."""
    return error if isinstance(error, StorageError) else StorageError(str(error))


def _unfetched(error: Exception) -> tuple[OutcomeKind, ErrorInfo]:
    """What becomes of a call whose function or input cannot be had."""
    info = ErrorInfo(type(error).__name__, str(error))
    if isinstance(error, VersionMismatch):
        return OutcomeKind.VERSION_MISMATCH, info
    if isinstance(error, IntegrityError | ValueError):  # another worker would find the same
        return OutcomeKind.UNREADABLE, info
    return OutcomeKind.UNAVAILABLE, info
