from __future__ import annotations

import asyncio
import contextlib
import itertools
import operator
import os
import threading
import time
from collections.abc import Iterator
from concurrent import futures as standard
from pathlib import Path

import dask
import dask.array
import pytest

import pywren
from pywren import PywrenPoolExecutor
from pywren.errors import SerializationError

LONG = 60


@pytest.fixture(scope="module")
def pool() -> Iterator[PywrenPoolExecutor]:
    with PywrenPoolExecutor(max_workers=2) as pool:
        yield pool


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.open()


class Gate:
    """Calls that wait at it run until it is opened: no test needs to guess how long."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> None:
        self.path.touch()

    def wait(self, value: object = None) -> object:
        deadline = time.monotonic() + LONG
        while not self.path.exists():
            if time.monotonic() > deadline:
                raise TimeoutError("nobody opened the gate")
            time.sleep(0.005)
        return value


def until_running(future: pywren.ResponseFuture[object]) -> None:
    deadline = time.monotonic() + LONG
    while not future.running():
        assert time.monotonic() < deadline, "the call never ran"
        assert not future.done()
        time.sleep(0.002)


# -- submit ---------------------------------------------------------------------------------------


def test_it_is_an_executor_and_its_futures_are_futures(pool: PywrenPoolExecutor) -> None:
    assert isinstance(pool, standard.Executor)
    future = pool.submit(abs, -1)
    assert isinstance(future, standard.Future)
    assert isinstance(future, pywren.ResponseFuture)
    assert future.result(LONG) == 1


def test_a_function_is_called_with_any_arguments(pool: PywrenPoolExecutor) -> None:
    assert pool.submit(lambda *a, **k: (a, k), 1, "2", fn=3, self=4).result(LONG) == (
        (1, "2"),
        {"fn": 3, "self": 4},
    )


def test_calls_run_in_other_processes(pool: PywrenPoolExecutor) -> None:
    assert pool.submit(os.getpid).result(LONG) != os.getpid()


def test_an_exception_is_raised_as_itself_with_the_remote_traceback(
    pool: PywrenPoolExecutor,
) -> None:
    future = pool.submit(operator.truediv, 1, 0)
    with pytest.raises(ZeroDivisionError, match="division by zero") as raised:
        future.result(LONG)
    assert "ZeroDivisionError" in str(raised.value.__cause__)
    assert isinstance(future.exception(), ZeroDivisionError)


def test_what_cannot_be_pickled_is_named_at_once(pool: PywrenPoolExecutor) -> None:
    with pytest.raises(SerializationError, match="lock"):
        pool.submit(id, threading.Lock())


# -- map ------------------------------------------------------------------------------------------


def test_map_takes_from_all_iterables_until_the_shortest_ends(pool: PywrenPoolExecutor) -> None:
    assert list(pool.map(pow, range(10), range(10))) == list(map(pow, range(10), range(10)))
    assert list(pool.map(pow, [2, 3, 4], itertools.count())) == [1, 3, 16]
    assert list(pool.map(pow, [], [1])) == []
    assert list(pool.map(abs)) == []


def test_map_keeps_the_order_though_later_calls_end_first(
    pool: PywrenPoolExecutor, gate: Gate
) -> None:
    def first_waits(number: int) -> int:
        return gate.wait(number) if number == 0 else number  # type: ignore[return-value]

    futures_of_others = []
    results = pool.map(first_waits, range(3))
    futures_of_others.append(pool.submit(abs, -7))
    assert futures_of_others[0].result(LONG) == 7
    gate.open()
    assert list(results) == [0, 1, 2]


def test_map_sends_all_before_the_first_result_is_asked_for(pool: PywrenPoolExecutor) -> None:
    items = iter([1, 2, 3])
    results = pool.map(abs, items)
    assert list(items) == []
    assert list(results) == [1, 2, 3]


def test_map_raises_in_the_place_of_the_result(pool: PywrenPoolExecutor) -> None:
    results = pool.map(divmod, [1, 1, 1], [2, 0, 5])
    assert next(results) == (0, 1)
    with pytest.raises(ZeroDivisionError):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_an_input_that_raises_while_it_is_read_raises_from_map(pool: PywrenPoolExecutor) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise LookupError("no more data")

    with pytest.raises(LookupError, match="no more data"):
        pool.map(abs, broken())


def test_a_result_that_is_late_is_a_timeout_and_cancels_the_rest(gate: Gate) -> None:
    with PywrenPoolExecutor(max_workers=1) as pool:
        results = pool.map(gate.wait, range(10), timeout=0.01)
        with pytest.raises(TimeoutError, match="not there in time"):
            next(results)
        assert not pool._pending


def test_the_timeout_of_map_counts_from_its_call(pool: PywrenPoolExecutor, gate: Gate) -> None:
    results = pool.map(gate.wait, range(1), timeout=1)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        pool.submit(abs, -1).result(LONG)
    with pytest.raises(TimeoutError):
        next(results)
    assert time.monotonic() < until + 1, "it waited once more for as long"


def test_a_result_that_is_there_is_taken_after_the_timeout_too(pool: PywrenPoolExecutor) -> None:
    results = pool.map(abs, [-1], timeout=1e-9)
    standard.wait(list(pool._pending), LONG)
    assert list(results) == [1]


def test_a_timeout_that_the_function_raises_is_its_own(pool: PywrenPoolExecutor) -> None:
    def raises(_: int) -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        next(pool.map(raises, [1], timeout=LONG))


def test_closing_the_iterator_cancels_the_rest(gate: Gate) -> None:
    with PywrenPoolExecutor(max_workers=1) as pool:
        results = pool.map(lambda n: gate.wait(n) if n else n, range(100))
        assert next(results) == 0
        results.close()  # type: ignore[attr-defined]
        assert not pool._pending


def test_map_packs_its_function_once(pool: PywrenPoolExecutor) -> None:
    packed = []

    class Counting:
        def __reduce__(self) -> tuple[object, ...]:
            packed.append(self)
            return int, ("7",)

    captured = Counting()
    assert list(pool.map(lambda n: captured + n, range(50))) == list(range(7, 57))
    assert len(packed) <= 2, "once for the pickle, once for the modules that it refers to"


def test_a_chunksize_changes_no_result_but_must_be_above_0(pool: PywrenPoolExecutor) -> None:
    assert list(pool.map(abs, range(-9, 0), chunksize=4)) == list(range(9, 0, -1))
    with pytest.raises(ValueError, match="chunksize"):
        pool.map(abs, [1], chunksize=0)


# -- buffersize, as in Python 3.14 ----------------------------------------------------------------


@pytest.mark.parametrize(("buffersize", "kind"), [("2", TypeError), (0, ValueError)])
def test_a_buffersize_is_a_whole_number_above_0(
    pool: PywrenPoolExecutor, buffersize: object, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="buffersize"):
        pool.map(abs, [], buffersize=buffersize)  # type: ignore[arg-type]


@pytest.mark.parametrize("buffersize", [1, 2, 100])
def test_a_buffer_keeps_the_order(pool: PywrenPoolExecutor, buffersize: int) -> None:
    assert list(pool.map(abs, range(-20, 0), buffersize=buffersize)) == list(range(20, 0, -1))
    assert list(pool.map(abs, [], buffersize=buffersize)) == []


def test_a_buffer_reads_ahead_so_far_and_on_as_results_are_taken(pool: PywrenPoolExecutor) -> None:
    numbers = itertools.count()
    results = pool.map(str, numbers, buffersize=2)
    assert next(numbers) == 2
    assert next(results) == "0"
    assert next(numbers) == 4
    assert [next(results), next(results), next(results)] == ["1", "3", "5"]
    results.close()  # type: ignore[attr-defined]


def test_a_buffered_map_is_refused_more_calls_after_shutdown() -> None:
    pool = PywrenPoolExecutor(max_workers=1)
    results = pool.map(abs, itertools.count(), buffersize=2)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        list(results)


# -- shutdown -------------------------------------------------------------------------------------


def test_nothing_is_taken_after_shutdown() -> None:
    pool = PywrenPoolExecutor(max_workers=1)
    future = pool.submit(abs, -1)
    pool.shutdown()
    pool.shutdown()
    assert future.result(0) == 1
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(abs, -1)
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.map(abs, [1])
    assert "shut down" in repr(pool)


def test_a_pool_that_was_never_used_shuts_down() -> None:
    PywrenPoolExecutor(max_workers=1).shutdown()


def test_leaving_the_block_waits_for_calls_even_after_an_exception(tmp_path: Path) -> None:
    futures = []
    with contextlib.suppress(KeyError), PywrenPoolExecutor(max_workers=1) as pool:
        futures.append(pool.submit((tmp_path / "done").touch))
        raise KeyError
    assert futures[0].done()
    assert (tmp_path / "done").exists()


def test_ctrl_c_in_the_block_cancels_its_calls(gate: Gate) -> None:
    futures = []
    with contextlib.suppress(KeyboardInterrupt), PywrenPoolExecutor(max_workers=1) as pool:
        futures.append(pool.submit(gate.wait))
        raise KeyboardInterrupt
    assert futures[0].cancelled()


def test_shutdown_without_waiting_returns_while_calls_go_on(gate: Gate) -> None:
    pool = PywrenPoolExecutor(max_workers=1)
    future = pool.submit(gate.wait, "done")
    pool.shutdown(wait=False)
    assert not future.done()
    gate.open()
    assert future.result(LONG) == "done"
    pool.shutdown(wait=True)


def test_shutdown_cancels_what_has_not_begun_and_lets_the_running_call_end(gate: Gate) -> None:
    pool = PywrenPoolExecutor(max_workers=1)
    running = pool.submit(gate.wait, "done")
    until_running(running)
    waiting = [pool.submit(abs, -number) for number in range(20)]
    pool.shutdown(wait=False, cancel_futures=True)
    assert all(future.cancelled() for future in waiting)
    gate.open()
    assert running.result(LONG) == "done"
    pool.shutdown()


def test_an_executor_of_the_users_stays_open() -> None:
    with pywren.local_executor(workers=1) as pwex:
        with PywrenPoolExecutor(pwex) as pool:
            future = pool.submit(abs, -1)
        assert future.result(0) == 1
        assert pywren.get_all_results(pwex.map(abs, [-2])) == [2]


def test_only_the_pools_own_calls_are_waited_for(gate: Gate) -> None:
    with pywren.local_executor(workers=2) as pwex:
        foreign = pwex.call_async(gate.wait, None)
        with PywrenPoolExecutor(pwex) as pool:
            pool.submit(abs, -1)
        assert not foreign.done()
        gate.open()


# -- what other libraries look at -----------------------------------------------------------------


def test_it_tells_how_many_workers_it_has() -> None:
    with pywren.local_executor(workers=2) as pwex:
        assert PywrenPoolExecutor(pwex)._max_workers == 2
        assert PywrenPoolExecutor(pwex, max_workers=50)._max_workers == 50
    with pytest.raises(ValueError, match="workers"):
        PywrenPoolExecutor(max_workers=0)


def test_without_an_executor_it_opens_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYWREN_EXECUTOR", "local")
    with PywrenPoolExecutor() as pool:
        assert pool.submit(abs, -1).result(LONG) == 1


def test_a_cancelled_call_is_cancelled_though_it_runs(gate: Gate) -> None:
    with PywrenPoolExecutor(max_workers=1) as pool:
        future = pool.submit(gate.wait)
        until_running(future)
        assert future.cancel()
        with pytest.raises(standard.CancelledError):
            future.result(LONG)
        assert pool.submit(abs, -1).result(LONG) == 1


def test_the_standard_librarys_waiters_take_mixed_futures(
    pool: PywrenPoolExecutor, gate: Gate
) -> None:
    with standard.ThreadPoolExecutor(1) as threads:
        ours, theirs = pool.submit(gate.wait, 1), threads.submit(abs, -2)
        done, not_done = standard.wait([ours, theirs], LONG, standard.FIRST_COMPLETED)
        assert (done, not_done) == ({theirs}, {ours})
        gate.open()
        ended = standard.as_completed([ours, theirs], LONG)
        assert sorted(future.result() for future in ended) == [1, 2]


def test_the_first_exception_ends_a_wait(pool: PywrenPoolExecutor, gate: Gate) -> None:
    waiting, failing = pool.submit(gate.wait), pool.submit(operator.truediv, 1, 0)
    done, _ = standard.wait([waiting, failing], LONG, standard.FIRST_EXCEPTION)
    assert done == {failing}


def test_callbacks_are_called_once_with_the_future(pool: PywrenPoolExecutor) -> None:
    called: list[object] = []
    future = pool.submit(abs, -1)
    future.add_done_callback(called.append)
    future.result(LONG)
    future.add_done_callback(called.append)
    deadline = time.monotonic() + LONG
    while len(called) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert called == [future, future]


# -- asyncio --------------------------------------------------------------------------------------


def test_an_event_loop_runs_blocking_functions_in_it(pool: PywrenPoolExecutor) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(pool, abs, -n) for n in range(20)))

    assert asyncio.run(main()) == list(range(20))


def test_futures_are_awaited_and_wrapped(pool: PywrenPoolExecutor) -> None:
    async def main() -> tuple[int, int]:
        return await pool.submit(abs, -1), await asyncio.wrap_future(pool.submit(abs, -2))

    assert asyncio.run(main()) == (1, 2)


def test_an_awaited_call_raises_as_itself(pool: PywrenPoolExecutor) -> None:
    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(pool, operator.truediv, 1, 0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_giving_up_in_asyncio_stops_the_call(gate: Gate) -> None:
    with PywrenPoolExecutor(max_workers=1) as pool:

        async def main() -> None:
            future = pool.submit(gate.wait)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(future), 0.2)
            assert future.cancelled()

        asyncio.run(main())
        assert pool.submit(abs, -1).result(LONG) == 1


# -- dask -----------------------------------------------------------------------------------------


def test_dask_computes_arrays_on_it(pool: PywrenPoolExecutor) -> None:
    numbers = dask.array.arange(1_000_000, chunks=100_000)
    (total, mean) = dask.compute(numbers.sum(), (numbers * 2).mean(), scheduler=pool)
    assert (total, mean) == (499_999_500_000, 999_999.0)


def test_dask_computes_delayed_functions_on_it(pool: PywrenPoolExecutor) -> None:
    processes = [dask.delayed(lambda _: os.getpid())(number) for number in range(4)]
    total = dask.delayed(sum)([dask.delayed(abs)(-number) for number in range(10)])
    where, found = dask.compute(processes, total, scheduler=pool)
    assert found == 45
    assert os.getpid() not in where


def test_dask_raises_what_a_task_raised(pool: PywrenPoolExecutor) -> None:
    with pytest.raises(ZeroDivisionError):
        dask.delayed(operator.truediv)(1, 0).compute(scheduler=pool)
