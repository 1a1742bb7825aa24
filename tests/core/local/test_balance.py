"""No call waits behind another one while a worker is idle; many threads at once; races."""

from __future__ import annotations

import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import pywren
from pywren import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pywren import Executor, ResponseFuture

    Eventually = Callable[[Callable[[], bool]], None]


def ran_too_long(future: ResponseFuture[Any], seconds: float) -> bool:
    """Was the call stopped at its deadline, and justly?"""
    error = future.exception()
    return isinstance(error, errors.CallTimedOut) and future.run_status["exec_time"] >= seconds


def patient(directory: Path, others: int) -> Callable[[str], str]:
    """A function that runs `short` at once and `long` until so many short ones have run."""
    path = str(directory)

    def work(item: str) -> str:
        import os
        import time

        if item == "long":
            while len(os.listdir(path)) < others:
                time.sleep(0.005)
        else:
            open(f"{path}/{os.getpid()}-{time.monotonic_ns()}", "w").close()
        return item

    return work


@pytest.mark.parametrize("place", [0, 1, 7, 29])
@pytest.mark.parametrize("chunksize", [1, 30])
def test_no_call_waits_behind_a_long_one(
    pwex: Executor, tmp_path: Path, place: int, chunksize: int
) -> None:
    done = tmp_path / "done"
    done.mkdir()
    pywren.get_all_results(pwex.map(abs, range(4)))  # both workers are up
    items = ["short"] * 29
    items.insert(place, "long")
    futures = pwex.map(patient(done, 29), items, timeout=30, chunksize=chunksize)
    assert pywren.get_all_results(futures) == items


def test_short_calls_stolen_from_a_busy_worker_run_once(pwex: Executor, tmp_path: Path) -> None:
    done = tmp_path / "done"
    done.mkdir()
    # So short that each worker is given many ahead; then one of them meets the long one.
    items = ["short"] * 1500
    items.insert(700, "long")
    futures = pwex.map(patient(done, 1500), items, timeout=30)
    assert pywren.get_all_results(futures) == items
    assert len(list(done.iterdir())) == 1500


def test_a_long_call_does_not_hold_up_other_maps(pwex: Executor, tmp_path: Path) -> None:
    done = tmp_path / "done"
    done.mkdir()
    work = patient(done, 40)
    long = pwex.call_async(work, "long", timeout=30)
    shorts = [future for _ in range(4) for future in pwex.map(work, ["short"] * 10)]
    assert pywren.get_all_results([long, *shorts]) == ["long", *["short"] * 40]


def test_calls_start_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    def work(item: int) -> None:
        with open(log, "a", encoding="ascii") as file:
            file.write(f"{item}\n")

    with pywren.local_executor(workers=1) as pwex:
        pwex.map(work, range(30))
        pwex.map(work, range(30, 60))
    assert [int(line) for line in (tmp_path / "log").read_text().split()] == list(range(60))


def test_many_threads_map_on_one_executor(pwex: Executor) -> None:
    def one(number: int) -> list[int]:
        return pywren.get_all_results(pwex.map(lambda n: n * number, range(40)))

    with ThreadPoolExecutor(12) as threads:
        results = list(threads.map(one, range(24)))
    assert results == [[n * number for n in range(40)] for number in range(24)]


@pytest.mark.parametrize("seed", range(3))
def test_every_call_ends_once_whatever_is_cancelled_killed_or_late(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    runs = tmp_path / "runs"
    runs.mkdir()
    path = str(runs)

    def work(item: tuple[int, str]) -> int:
        import os
        import time

        number, deed = item
        with open(f"{path}/{number}", "a", encoding="ascii") as file:
            file.write(".")
        if deed == "crash":
            os.kill(os.getpid(), 9)
        if deed == "late":
            time.sleep(60)
        if deed == "slow":
            time.sleep(0.01)
        return number

    deeds = chance.choices(["quick", "slow", "crash", "late"], [80, 20, 1, 1], k=250)
    with pywren.local_executor(workers=2) as pwex:
        pywren.get_all_results(pwex.map(abs, range(4)))
        futures = pwex.map(work, list(enumerate(deeds)), timeout=0.3)
        cancelled = chance.sample(futures, 60)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda future: future.cancel(), cancelled))
        _, not_done = pywren.wait(futures, timeout=60)
        assert not not_done
        assert pywren.get_all_results(pwex.map(abs, range(9))) == list(range(9))
    for number, (future, deed) in enumerate(zip(futures, deeds, strict=True)):
        ran = (runs / str(number)).exists() and (runs / str(number)).read_text()
        if future.cancelled():
            assert future in cancelled
            assert ran in (False, ".")
            continue
        assert ran == "."
        error = future.exception()
        if deed in ("quick", "slow"):  # a busy machine may make them late
            assert error is None or ran_too_long(future, 0.3), (number, error)
            assert error is not None or future.result() == number
        else:
            assert isinstance(error, errors.WorkerCrashed) or ran_too_long(future, 0.3)


def test_cancelling_races_with_the_end_of_a_call(pwex: Executor) -> None:
    for _ in range(150):
        futures = pwex.map(abs, [-1, -2, -3])
        cancelled = futures[1].cancel()
        assert futures[0].result(timeout=30) == 1
        assert futures[2].result(timeout=30) == 3
        assert futures[1].cancelled() is cancelled
        assert cancelled or futures[1].result() == 2


def test_a_deadline_that_meets_the_end_of_a_call_hits_no_other(
    pwex: Executor, tmp_path: Path
) -> None:
    def work(item: int) -> int:
        import time

        if item % 5 == 0:
            time.sleep(0.1 - 0.0004 * (item % 7))
        return item

    pywren.get_all_results(pwex.map(abs, range(4)))
    futures = pwex.map(work, range(60), timeout=0.1)
    pywren.wait(futures)
    for item, future in enumerate(futures):
        assert ran_too_long(future, 0.1) or future.result() == item


def test_shutdown_races_with_threads_that_map(eventually: Eventually) -> None:
    pwex = pywren.local_executor(workers=2)
    pwex.submit(abs, -1).result()
    made: list[Any] = []

    def mapper() -> None:
        for number in itertools.count():
            try:
                made.extend(pwex.map(abs, [-number] * 20))
            except (RuntimeError, errors.BackendError):
                return

    threads = [threading.Thread(target=mapper) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(made) > 200)
    pwex.shutdown(wait=False)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    _, not_done = pywren.wait(made, timeout=30)
    assert not not_done
