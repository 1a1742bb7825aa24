"""A call that is sent again, and what its earlier attempt leaves in the store meanwhile."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence

import pytest

from pywren.backends import Sending
from pywren.config import load_config
from pywren.errors import StoragePermissionError, WorkerCrashed
from pywren.executor import Executor, _courier
from pywren.protocol import CallsetSpec, CallSpec, Outcome, OutcomeKind
from pywren.serialization.pickling import dump_frame
from pywren.store import Store, open_store
from pywren.store.commit import commit_outcome
from pywren.store.remote import RemoteStore
from pywren.testing import StoreBackend

PATIENCE = 30.0

Worker = Callable[[CallsetSpec, int], None]


class ByHand(StoreBackend):
    """A backend whose workers are the test: `workers[n]` is the n-th message's."""

    def __init__(self, **options: float) -> None:
        super().__init__(f"memory://{uuid.uuid4().hex}", **options)  # type: ignore[arg-type]
        self.workers: list[Worker] = []
        self.callset: CallsetSpec | None = None

    def start(self, callset: CallsetSpec, calls: Sequence[CallSpec], sending: Sending) -> None:
        self.callset = callset
        self.workers.pop(0)(callset, calls[0].attempt)

    def commit(self, attempt: int, kind: OutcomeKind, **facts: int) -> None:
        assert self.callset is not None
        outcome = Outcome(
            callset_id=self.callset.callset_id,
            call_id="00000",
            kind=kind,
            attempt=attempt,
            attempt_id=os.urandom(8).hex(),
            output=dump_frame(f"of attempt {attempt}" if kind else attempt),
            **facts,  # type: ignore[arg-type]
        )
        commit_outcome(open_store(self.store_url), outcome, self.callset.signing_key)

    def returns(self, callset: CallsetSpec, attempt: int) -> None:
        self.commit(attempt, OutcomeKind.VALUE)

    def is_killed(self, callset: CallsetSpec, attempt: int) -> None:
        self.commit(attempt, OutcomeKind.CRASHED, signal=9)

    def is_never_run(self, callset: CallsetSpec, attempt: int) -> None:
        """Nothing comes of the message."""


@pytest.fixture
def backend() -> Iterator[ByHand]:
    backend = ByHand(queue_allowance_seconds=0.0)
    yield backend
    assert not backend.workers


@pytest.fixture
def executor(backend: ByHand) -> Iterator[Executor]:
    with Executor(backend, load_config({})) as executor:
        yield executor


def test_an_outcome_that_comes_after_its_call_was_given_up_stays(
    backend: ByHand, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pause(attempt: int, chance: float) -> float:
        backend.commit(attempt, OutcomeKind.VALUE)  # the worker was slow, and not lost
        return 0.0

    monkeypatch.setattr(_courier, "pause_seconds", pause)
    backend.workers = [backend.is_never_run, backend.returns]
    future = executor.map(abs, [-1], timeout=0.1, retries=1)[0]
    assert future.result(timeout=PATIENCE) == 1
    assert future.run_status["attempt"] == 1


def test_an_earlier_attempt_that_fails_late_does_not_hide_the_later_one(
    backend: ByHand, executor: Executor
) -> None:
    def is_passed_by(callset: CallsetSpec, attempt: int) -> None:
        backend.is_killed(callset, attempt - 1)
        backend.returns(callset, attempt)  # it finds its place taken

    backend.workers = [backend.is_never_run, is_passed_by, backend.returns]
    future = executor.map(abs, [-1], timeout=0.1, retries=1)[0]
    assert future.result(timeout=PATIENCE) == 2
    assert future.run_status["attempt"] == 2


def test_an_earlier_attempt_that_ends_late_by_an_exception_counts(
    backend: ByHand, executor: Executor
) -> None:
    def is_passed_by(callset: CallsetSpec, attempt: int) -> None:
        backend.commit(attempt - 1, OutcomeKind.TIMED_OUT)

    backend.workers = [backend.is_never_run, is_passed_by]
    future = executor.map(abs, [-1], timeout=0.1, retries=1)[0]
    assert isinstance(future.exception(timeout=PATIENCE), TimeoutError)
    assert future.run_status["attempt"] == 1


def test_a_failed_attempt_that_cannot_be_removed_counts(
    backend: ByHand, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(store: Store, keys: Sequence[str]) -> None:
        raise StoragePermissionError("these credentials lack s3:DeleteObject")

    monkeypatch.setattr(RemoteStore, "delete", delete)
    backend.workers = [backend.is_killed]
    future = executor.map(abs, [-1], timeout=60, retries=3)[0]
    assert isinstance(future.exception(timeout=PATIENCE), WorkerCrashed)
