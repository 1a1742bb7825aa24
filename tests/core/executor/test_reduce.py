"""One call over the results of others, which do not pass through the client."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pywren
from pywren import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from pywren import Executor


class Counted:
    """Writes a line each time when it is unpickled."""

    def __init__(self, value: int, log: str) -> None:
        self.value = value
        self.log = log

    def __setstate__(self, state: dict[str, Any]) -> None:
        import os

        self.__dict__.update(state)
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()}\n")


def test_map_reduce(pwex: Executor) -> None:
    assert pwex.map_reduce(lambda n: n * n, range(100), sum).result() == sum(
        n * n for n in range(100)
    )


def test_nothing_is_reduced_as_an_empty_list(pwex: Executor) -> None:
    assert pwex.map_reduce(abs, [], list).result() == []
    assert pwex.reduce(len, []).result() == 0


def test_results_come_in_order_with_large_and_small_mixed(pwex: Executor) -> None:
    def make(size: int) -> np.ndarray[Any, Any]:
        return np.full(size, size)

    sizes = [3, 200_000, 0, 90_000, 1]
    reduced = pwex.map_reduce(make, sizes, lambda parts: [int(part.sum()) for part in parts])
    assert reduced.result() == [size * size for size in sizes]


def test_the_client_never_unpickles_what_is_reduced(pwex: Executor, tmp_path: Path) -> None:
    import os

    log = str(tmp_path / "log")
    counted = Counted
    reduced = pwex.map_reduce(
        lambda n: [counted(n, log), bytes(200_000)],
        range(5),
        lambda rs: sum(r[0].value for r in rs),
    )
    assert reduced.result() == 10
    processes = (tmp_path / "log").read_text().split()
    assert len(processes) == 5
    assert str(os.getpid()) not in processes


def test_waiting_to_reduce_takes_no_worker(
    gate: Path, pass_gate: Callable[[int], int], tmp_path: Path
) -> None:
    with pywren.local_executor(workers=1) as pwex:
        reduced = pwex.reduce(sum, pwex.map(pass_gate, range(3)))
        assert pwex.submit(abs, -1).running() is False
        assert not reduced.running()
        gate.touch()
        assert reduced.result(timeout=30) == 3


def test_the_failure_of_an_input_is_the_failure_of_the_whole(pwex: Executor) -> None:
    def fail(item: int) -> int:
        if item == 2:
            raise LookupError("no such item", item)
        return item

    futures = pwex.map(fail, range(4))
    reduced = pwex.reduce(sum, futures)
    with pytest.raises(LookupError, match="no such item") as caught:
        reduced.result()
    assert caught.value.args == ("no such item", 2)
    assert pywren.get_all_results([*futures[:2], futures[3]]) == [0, 1, 3]


def test_a_large_exception_reaches_both_futures(pwex: Executor) -> None:
    def fail(_: int) -> None:
        raise LookupError(b"x" * 300_000)

    failed = pwex.call_async(fail, 0)
    reduced = pwex.reduce(len, [failed])
    for future in (failed, reduced):
        with pytest.raises(LookupError) as caught:
            future.result(timeout=30)
        assert len(caught.value.args[0]) == 300_000


def test_a_cancelled_input_cancels_the_whole(
    pwex: Executor, pass_gate: Callable[[int], int]
) -> None:
    futures = pwex.map(pass_gate, range(3))
    reduced = pwex.reduce(sum, futures)
    for future in futures:
        future.cancel()
    with pytest.raises(errors.CallCancelled):
        reduced.result(timeout=30)
    assert pwex.submit(abs, -1).result() == 1


def test_a_reduction_can_be_cancelled_while_it_waits(
    pwex: Executor, gate: Path, pass_gate: Callable[[int], int], tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    futures = pwex.map(pass_gate, range(3))
    reduced = pwex.reduce(lambda _: ran.touch(), futures)
    assert reduced.cancel()
    gate.touch()
    assert pywren.get_all_results(futures) == [0, 1, 2]
    pwex.submit(abs, -1).result()
    assert not ran.exists()


def test_what_was_loaded_before_can_be_reduced(pwex: Executor) -> None:
    futures = pwex.map(np.ones, [200_000, 3, 100_000])
    assert [len(result) for result in pywren.get_all_results(futures)] == [200_000, 3, 100_000]
    total = pwex.reduce(lambda parts: sum(float(part.sum()) for part in parts), futures)
    assert total.result() == 300_003.0


def test_loading_a_part_does_not_take_it_from_the_reduction(
    gate: Path,
    pass_gate: Callable[[int], int],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    with pywren.local_executor(workers=1) as pwex:
        futures = pwex.map(np.ones, [200_000] * 3)
        pywren.wait(futures)
        pwex.call_async(pass_gate, 0)  # the only worker is taken: the reduction is queued
        reduced = pwex.reduce(lambda parts: [len(part) for part in parts], futures)
        assert [len(part) for part in pywren.get_all_results(futures)] == [200_000] * 3
        del futures
        gate.touch()
        assert reduced.result(timeout=30) == [200_000] * 3
        spool = Path(pwex.backend.owner_path).parent  # type: ignore[attr-defined]
        eventually(lambda: not list(spool.glob("*puts/*")))


def test_results_of_one_executor_are_reduced_by_another(pwex: Executor) -> None:
    with pywren.local_executor(workers=1) as other:
        large = other.call_async(np.ones, 200_000)
        small = pwex.call_async(abs, -5)
        reduced = pwex.reduce(lambda parts: (len(parts[0]), parts[1]), [large, small])
        assert reduced.result() == (200_000, 5)


def test_reductions_of_reductions(pwex: Executor) -> None:
    halves = [pwex.map_reduce(abs, range(n, n + 10), sum) for n in (0, 10)]
    assert pwex.reduce(sum, halves).result() == sum(range(20))


def test_shutdown_cancels_a_reduction_that_waits_for_another_executor(
    gate: Path, pass_gate: Callable[[int], int]
) -> None:
    with pywren.local_executor(workers=1) as first:
        second = pywren.local_executor(workers=1)
        second.submit(abs, -1).result()
        future = first.call_async(pass_gate, 7)
        reduced = second.reduce(sum, [future])
        second.shutdown(wait=False)
        assert reduced.cancelled()
        gate.touch()
        assert future.result(timeout=30) == 7
