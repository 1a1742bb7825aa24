"""What goes wrong between client and worker, and what the user sees of it: nothing, or one precise
error."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pywren
from pywren.config import load_config
from pywren.errors import CallLost, WorkerCrashed
from pywren.executor import Executor
from pywren.protocol import CallsetSpec, Dispatch, from_json
from pywren.store import open_store
from pywren.store.layout import manifest_key
from pywren.testing import Mishap, StoreBackend

PATIENCE = 60.0

Suffering = Callable[..., Executor]


@pytest.fixture
def suffering(tmp_path: Path) -> Iterator[Suffering]:
    """An executor on whose calls the given mishaps fall."""
    opened = []

    def open_one(*mishaps: Mishap, **options: float) -> Executor:
        backend = StoreBackend((tmp_path / "store").as_uri(), mishaps=mishaps, **options)  # type: ignore[arg-type]
        opened.append(Executor(backend, load_config({})))
        return opened[-1]

    yield open_one
    for executor in opened:
        executor.shutdown(cancel_futures=True)


def noting(directory: Path) -> Callable[[int], int]:
    """A function that leaves a trace of each run."""
    folder = str(directory)

    def run(number: int) -> int:
        with open(f"{folder}/{number}", "a") as file:
            file.write("x")
        return number

    return run


def runs(directory: Path, number: int) -> int:
    path = directory / str(number)
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize("how", ["drop", "lose_commit"])
def test_a_call_that_nobody_ends_is_lost_and_harms_no_other(suffering: Suffering, how: str) -> None:
    executor = suffering(Mishap(how, "00002"), queue_allowance_seconds=2.0)  # type: ignore[arg-type]
    futures = executor.map(abs, range(5), timeout=3)
    pywren.wait(futures, timeout=PATIENCE)
    assert isinstance(futures.pop(2).exception(), CallLost)
    assert pywren.get_all_results(futures) == [0, 1, 3, 4]


@pytest.mark.parametrize("how", ["drop", "kill", "lose_commit"])
def test_a_lost_call_is_sent_again_and_its_result_is_all_that_is_seen(
    suffering: Suffering, tmp_path: Path, how: str
) -> None:
    executor = suffering(Mishap(how, "00001"), queue_allowance_seconds=2.0)  # type: ignore[arg-type]

    def slow(number: int) -> int:
        time.sleep(0.2)
        return number

    futures = executor.map(slow, range(3), timeout=3, retries=1)
    assert pywren.get_all_results(futures, timeout=PATIENCE) == [0, 1, 2]
    assert [future.run_status["attempt"] for future in futures] == [1, 2, 1]


def test_a_call_that_is_lost_each_time_is_sent_as_often_as_was_said(
    suffering: Suffering,
) -> None:
    executor = suffering(Mishap("drop", times=9), queue_allowance_seconds=0.2)
    future = executor.map(abs, [1], timeout=0.1, retries=2)[0]
    assert isinstance(future.exception(timeout=PATIENCE), CallLost)
    backend = executor.backend
    assert isinstance(backend, StoreBackend)
    attempts = [from_json(message, Dispatch).calls[0].attempt for message in backend.sent]
    assert attempts == [1, 2, 3]


def test_a_killed_worker_fails_only_its_own_call(suffering: Suffering) -> None:
    executor = suffering(Mishap("kill", "00000"))

    def slow(number: int) -> int:
        time.sleep(0.2)
        return number

    futures = executor.map(slow, range(4), retries=0)
    pywren.wait(futures, timeout=PATIENCE)
    assert isinstance(futures.pop(0).exception(), WorkerCrashed)
    assert pywren.get_all_results(futures) == [1, 2, 3]


def test_a_call_that_is_delivered_twice_has_one_outcome(
    suffering: Suffering, tmp_path: Path
) -> None:
    executor = suffering(Mishap("duplicate"))
    futures = executor.map(noting(tmp_path), range(3))
    assert pywren.get_all_results(futures, timeout=PATIENCE) == [0, 1, 2]
    executor.backend.close(wait=True)
    assert [runs(tmp_path, number) for number in range(3)] == [2, 2, 2]


def test_a_message_that_is_late_is_waited_for(suffering: Suffering) -> None:
    executor = suffering(Mishap("delay", seconds=0.5))
    assert executor.call_async(abs, -1).result(timeout=PATIENCE) == 1


def test_a_call_that_was_cancelled_before_its_message_came_never_runs(
    suffering: Suffering, tmp_path: Path
) -> None:
    executor = suffering(Mishap("delay", seconds=1.0), cancel_look_seconds=0.2)
    future = executor.map(noting(tmp_path), [7])[0]
    assert future.cancel()
    executor.backend.close(wait=True)
    assert runs(tmp_path, 7) == 0


def test_a_function_is_put_once_and_no_secret_is_ever_in_the_store() -> None:
    backend = StoreBackend(f"memory://{uuid.uuid4().hex}")
    with Executor(backend, load_config({})) as executor:
        secret = {"PASSWORD": "hunter2"}
        futures = [executor.call_async(abs, number, extra_env=secret) for number in (1, 2)]
        pywren.get_all_results(futures, timeout=PATIENCE)
        store = open_store(backend.store_url)
        keys = [entry.key for page in store.list() for entry in page]
        assert sum(key.startswith("functions/") for key in keys) == 1
        manifest = from_json(store.get(manifest_key(futures[0].callset_id)), CallsetSpec)
        assert manifest.signing_key == b""
        assert manifest.callset_id == futures[0].callset_id
        for key in keys:
            assert futures[0].signing_key not in bytes(store.get(key))
            assert b"hunter2" not in bytes(store.get(key))
