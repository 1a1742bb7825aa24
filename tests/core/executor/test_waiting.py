"""Futures are those of the standard library, and can be waited for in every way it knows."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import pywren
from pywren import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pywren import Executor, ResponseFuture

    Eventually = Callable[[Callable[[], bool]], None]
    Gated = Callable[[int], int]


def test_submit_takes_any_arguments(pwex: Executor) -> None:
    def echo(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    assert pwex.submit(echo).result() == ((), {})
    assert pwex.submit(echo, 1, (2, 3), fn=4, self=5).result() == (
        (1, (2, 3)),
        {"fn": 4, "self": 5},
    )


def test_wait_keeps_calls_of_equal_ids_apart(pwex: Executor, gate: Path, pass_gate: Gated) -> None:
    with pywren.local_executor(workers=1) as other:
        quick = pwex.map(abs, [-1, -2])
        slow = other.map(pass_gate, [3, 4])
        more = pwex.map(abs, [-5, -6])
        futures = [quick[0], slow[0], more[0], quick[1], slow[1], more[1]]
        done, not_done = pywren.wait(futures, timeout=10, return_when=pywren.ANY_COMPLETED)
        assert set(done) <= {*quick, *more}
        pywren.wait(quick + more)
        done, not_done = pywren.wait(futures, pywren.ALWAYS)
        assert (done, not_done) == ([quick[0], more[0], quick[1], more[1]], slow)
        done, not_done = pywren.wait(futures, timeout=0.05)
        assert not_done == slow
        gate.touch()
        assert pywren.wait(futures)[0] == futures
        assert pywren.get_all_results(futures) == [1, 3, 5, 2, 4, 6]


def test_one_future_many_times_is_waited_for_once(pwex: Executor) -> None:
    future = pwex.submit(abs, -1)
    assert pywren.wait([future] * 5) == ([future], [])
    assert pywren.get_all_results([future] * 3) == [1, 1, 1]
    assert list(pywren.as_completed([future] * 3)) == [future]


def test_waiting_too_long_here_stops_nothing(pwex: Executor, gate: Path, pass_gate: Gated) -> None:
    futures = pwex.map(pass_gate, range(3))
    for wait in (
        lambda: futures[0].result(timeout=0.01),
        lambda: futures[0].exception(timeout=0),
        lambda: pywren.get_all_results(futures, timeout=0.01),
        lambda: list(pywren.as_completed(futures, timeout=0.01)),
    ):
        with pytest.raises(TimeoutError):
            wait()
    assert futures[0].result(check_only=True) is None
    gate.touch()
    assert pywren.get_all_results(futures) == [0, 1, 2]


def test_as_completed_yields_the_first_to_end_first(
    pwex: Executor, gate: Path, pass_gate: Gated
) -> None:
    with pywren.local_executor(workers=1) as other:
        slow, quick = other.call_async(pass_gate, 1), pwex.submit(abs, -2)
        ended = pywren.as_completed([slow, quick], timeout=30)
        assert next(ended) is quick
        gate.touch()
        assert list(ended) == [slow]


def test_the_standard_library_waits_for_them(pwex: Executor) -> None:
    futures = pwex.map(lambda n: 1 // n, [1, 0, 2])
    done, not_done = concurrent.futures.wait(futures, timeout=30)
    assert (done, not_done) == (set(futures), set())
    assert set(concurrent.futures.as_completed(futures, timeout=30)) == set(futures)
    first, _ = concurrent.futures.wait(
        pwex.map(lambda n: 1 // n, [0, 1]), return_when=concurrent.futures.FIRST_EXCEPTION
    )
    assert any(isinstance(future.exception(), ZeroDivisionError) for future in first)


def test_coroutines_wait_for_them(pwex: Executor, pass_gate: Gated) -> None:
    async def main() -> None:
        futures = pwex.map(lambda n: 10 // n, [1, 2, 0])
        assert await futures[0] == 10
        wrapped = [asyncio.wrap_future(future) for future in futures]
        results = await asyncio.gather(*wrapped, return_exceptions=True)
        assert results[:2] == [10, 5]
        assert isinstance(results[2], ZeroDivisionError)
        endless = pwex.call_async(pass_gate, 0)
        task = asyncio.ensure_future(asyncio.wrap_future(endless))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(task, 0.05)
        assert endless.cancelled()  # as with any wrapped future

    asyncio.run(main())


def test_callbacks_run_once_each_and_may_fail(
    pwex: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    def fail(_: object) -> None:
        raise LookupError("in a callback")

    futures = pwex.map(abs, range(5))
    for future in futures:
        future.add_done_callback(fail)
        future.add_done_callback(seen.append)
    with caplog.at_level(logging.CRITICAL):
        assert pywren.get_all_results(futures) == list(range(5))
    pwex.submit(abs, -1).result()
    assert sorted(map(id, seen)) == sorted(map(id, futures))
    futures[0].add_done_callback(seen.append)
    assert seen[-1] is futures[0]


def test_a_callback_may_map_again(pwex: Executor) -> None:
    again: list[ResponseFuture[int]] = []
    mapped = threading.Event()

    def more(_: object) -> None:
        again.extend(pwex.map(abs, [-1, -2, -3]))
        mapped.set()

    pwex.submit(abs, -9).add_done_callback(more)
    assert mapped.wait(30)
    assert [future.result(timeout=30) for future in again] == [1, 2, 3]


def test_a_callback_may_cancel(pwex: Executor, pass_gate: Gated) -> None:
    endless = pwex.map(pass_gate, range(1))
    pwex.submit(abs, -9).add_done_callback(lambda _: [future.cancel() for future in endless])
    assert pywren.wait(endless, timeout=30)[1] == []
    assert all(future.cancelled() for future in endless)


def test_a_callback_that_wants_to_exit_leaves_the_workers_in_order(pwex: Executor) -> None:
    def leave(_: object) -> None:
        raise SystemExit(1)

    futures = pwex.map(abs, range(20))
    for future in futures:
        future.add_done_callback(leave)
    assert pywren.get_all_results(futures, timeout=30) == list(range(20))
    assert pwex.submit(abs, -1).result(timeout=30) == 1


def test_shutdown_waits_for_calls(gate: Path, pass_gate: Gated, eventually: Eventually) -> None:
    pwex = pywren.local_executor(workers=1)
    futures = pwex.map(pass_gate, range(3))
    stopper = threading.Thread(target=pwex.shutdown)
    stopper.start()

    def is_refused() -> bool:
        try:
            futures.append(pwex.submit(abs, -1))
        except RuntimeError:
            return True
        return False

    eventually(is_refused)
    assert not any(future.done() for future in futures[:3])
    gate.touch()
    stopper.join(30)
    assert [future.result() for future in futures[:3]] == [0, 1, 2]
    assert all(future.done() for future in futures)


@pytest.mark.parametrize("options", [{"wait": False}, {"cancel_futures": True}])
def test_shutdown_without_patience_cancels(options: dict[str, bool], pass_gate: Gated) -> None:
    pwex = pywren.local_executor(workers=2)
    futures = pwex.map(pass_gate, range(30))
    workers = pwex.backend.process_ids()  # type: ignore[attr-defined]
    assert workers
    pwex.shutdown(**options)
    assert all(future.cancelled() for future in futures)


def test_shutdown_cancels_a_call_that_waits_to_be_sent_again(eventually: Eventually) -> None:
    def crash(_: object) -> None:
        import os

        os.kill(os.getpid(), 9)

    pwex = pywren.local_executor(workers=1)
    future = pwex.call_async(crash, 0, retries=30)
    eventually(lambda: future.call is not None and future.call.attempt > 2)
    pwex.shutdown(wait=False)
    assert future.cancelled()


def test_a_call_whose_worker_was_killed_is_sent_again(pwex: Executor, tmp_path: Path) -> None:
    runs = str(tmp_path / "runs")

    def crash_twice(_: object) -> int:
        import os

        with open(runs, "a") as file:
            file.write(".")
        if os.path.getsize(runs) < 3:
            os.kill(os.getpid(), 9)
        return os.path.getsize(runs)

    future = pwex.call_async(crash_twice, 0, retries=2)
    assert future.result(timeout=30) == 3
    assert future.run_status["attempt"] == 3


@pytest.mark.parametrize("how", ["raise", "exit", "sleep"])
def test_what_the_function_did_itself_is_not_tried_again(
    pwex: Executor, tmp_path: Path, how: str
) -> None:
    runs = tmp_path / "runs"

    def fail(_: object) -> None:
        import os
        import time

        with open(runs, "a") as file:
            file.write(".")
        if how == "exit":
            os._exit(3)
        if how == "sleep":
            time.sleep(60)
        raise ValueError

    pwex.submit(abs, -1).result()
    future = pwex.call_async(fail, 0, retries=5, timeout=0.4)
    assert future.exception(timeout=30) is not None
    assert runs.read_text() == "."


# -- cancelling -----------------------------------------------------------------------------------


def test_a_running_a_waiting_and_a_queued_call_are_cancelled_alone(
    gate: Path, pass_gate: Gated, eventually: Eventually, tmp_path: Path
) -> None:
    def work(item: int) -> int:
        (tmp_path / f"started-{item}").touch()
        return pass_gate(item)

    with pywren.local_executor(workers=1) as pwex:
        futures = pwex.map(work, range(8))
        eventually((tmp_path / "started-0").exists)
        assert futures[0].running()
        for number in (7, 1, 0):  # queued, at the worker but not started, running
            assert futures[number].cancel()
            assert futures[number].cancelled()
            with pytest.raises(concurrent.futures.CancelledError):
                futures[number].result()
            with pytest.raises(errors.CallCancelled):
                futures[number].exception()
        gate.touch()
        others = [futures[number] for number in range(2, 7)]
        assert pywren.get_all_results(others, timeout=30) == [2, 3, 4, 5, 6]
    started = {path.name for path in tmp_path.glob("started-*")}
    assert started == {f"started-{item}" for item in (0, 2, 3, 4, 5, 6)}


def test_cancelling_what_is_over_changes_nothing(pwex: Executor) -> None:
    future = pwex.submit(abs, -1)
    assert future.result() == 1
    assert not future.cancel()
    assert future.result() == 1
    assert not future.cancelled()


def test_a_whole_callset_is_cancelled_at_once(pwex: Executor, pass_gate: Gated) -> None:
    futures = pwex.map(pass_gate, range(2000))
    begin = time.monotonic()
    pwex.cancel_pending()
    assert time.monotonic() - begin < 5
    assert all(future.cancelled() for future in futures)
    assert pwex.submit(abs, -1).result(timeout=30) == 1


def test_every_option_that_cannot_work_is_refused(pwex: Executor) -> None:
    for options, word in [
        ({"chunksize": 0}, "chunksize"),
        ({"timeout": 0}, "timeout"),
        ({"retries": -1}, "retries"),
        ({"extra_env": {"A": 1}}, "extra_env"),
        ({"extra_env": {"A=B": "1"}}, "extra_env"),
        ({"extra_meta": {"call_id": 1}}, "extra_meta"),
        ({"extra_meta": {"x": object()}}, "extra_meta"),
        ({"exclude_modules": "numpy"}, "exclude_modules"),
        ({"overwrite_invoke_args": {"nonsense": 1}}, "nonsense"),
    ]:
        with pytest.raises((TypeError, ValueError), match=word):
            pwex.map(abs, [1], **options)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="func"):
        pwex.map(3, [1])  # type: ignore[arg-type]


def test_a_python_of_another_version_is_refused_before_anything_is_loaded(pwex: Executor) -> None:
    future = pwex.call_async(abs, -1, overwrite_invoke_args={"python": "2.7"})
    with pytest.raises(errors.VersionMismatch, match=r"Python 2\.7"):
        future.result(timeout=30)
