"""The tests that every backend passes, wherever its workers are."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pywren.errors import CallTimedOut, SerializationError, WorkerCrashed
from pywren.futures import ANY_COMPLETED, get_all_results, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pywren.executor import Executor
    from pywren.futures import ResponseFuture

__all__ = ["BackendContract"]


class BackendContract:
    """What a backend promises, as tests.

    A backend's author subclasses it, with an `executor` fixture over the backend; its workers
    must see the files of this machine, by which some tests learn what they did::

        class TestMyBackend(BackendContract):
            @pytest.fixture
            def executor(self):
                with Executor(MyBackend(...), load_config({})) as pwex:
                    yield pwex
    """

    patience: float = 60.0
    """Seconds to wait at most for what must come."""

    # -- what goes in and what comes out --------------------------------------------------------

    def test_values_come_back_in_the_order_of_the_inputs(self, executor: Executor) -> None:
        futures = executor.map(lambda number: number * number, range(20))
        assert self._results(futures) == [number * number for number in range(20)]

    def test_none_is_a_result(self, executor: Executor) -> None:
        future = executor.call_async(lambda _: None, 1)
        assert future.result(timeout=self.patience) is None
        assert future.succeeded()

    def test_an_empty_input_gives_no_futures(self, executor: Executor) -> None:
        assert executor.map(abs, []) == []

    def test_a_generator_is_read_once(self, executor: Executor) -> None:
        futures = executor.map(abs, (-number for number in range(5)))
        assert self._results(futures) == [0, 1, 2, 3, 4]

    def test_each_item_is_one_argument_whatever_it_is(self, executor: Executor) -> None:
        items: list[object] = [(1, 2), {"a": 1}, [3], None, b"\xff", ""]
        assert self._results(executor.map(lambda item: (item,), items)) == [(i,) for i in items]

    def test_arguments_and_keywords_arrive(self, executor: Executor) -> None:
        future = executor.submit(lambda *args, **kwargs: (args, kwargs), 1, 2, key="value")
        assert future.result(timeout=self.patience) == ((1, 2), {"key": "value"})

    def test_what_a_function_refers_to_travels_with_it(self, executor: Executor) -> None:
        captured = {"factor": 3}
        future = executor.call_async(lambda number: number * captured["factor"], 14)
        assert future.result(timeout=self.patience) == 42

    def test_large_inputs_and_outputs_come_whole(self, executor: Executor) -> None:
        def grow(data: bytes) -> bytes:
            return data + data

        inputs = [bytes([number]) * 1_500_000 for number in range(3)]
        assert self._results(executor.map(grow, inputs)) == [data + data for data in inputs]

    def test_results_are_reduced_to_one(self, executor: Executor) -> None:
        assert executor.map_reduce(abs, [-1, -2, -3], sum).result(timeout=self.patience) == 6

    def test_large_results_are_reduced_to_one(self, executor: Executor) -> None:
        def blow_up(number: int) -> bytes:
            return bytes([number]) * 1_500_000

        future = executor.map_reduce(blow_up, [1, 2], lambda parts: [p[0] for p in parts])
        assert future.result(timeout=self.patience) == [1, 2]

    def test_chunks_give_the_same_results(self, executor: Executor) -> None:
        futures = executor.map(abs, range(-7, 0), chunksize=3)
        assert self._results(futures) == [7, 6, 5, 4, 3, 2, 1]

    # -- what can fail --------------------------------------------------------------------------

    def test_an_exception_is_raised_as_itself_with_its_traceback(self, executor: Executor) -> None:
        def fail_on_purpose(number: int) -> None:
            raise ZeroDivisionError(f"for {number}")

        future = executor.call_async(fail_on_purpose, 7)
        error = future.exception(timeout=self.patience)
        assert isinstance(error, ZeroDivisionError)
        assert error.args == ("for 7",)
        assert "fail_on_purpose" in str(error.__cause__)
        assert "fail_on_purpose" in future.run_status["exception_traceback"]

    def test_one_failed_call_harms_no_other(self, executor: Executor) -> None:
        futures = executor.map(lambda number: 6 // number, [1, 0, 2])
        wait(futures, timeout=self.patience)
        assert [future.succeeded() for future in futures] == [True, False, True]
        assert (futures[0].result(), futures[2].result()) == (6, 3)

    def test_a_result_that_cannot_be_pickled_is_named(self, executor: Executor) -> None:
        future = executor.call_async(lambda _: (number for number in "12"), 1)
        assert isinstance(future.exception(timeout=self.patience), SerializationError)

    def test_a_call_that_runs_too_long_is_stopped(self, executor: Executor) -> None:
        future = executor.map(lambda _: time.sleep(600), [1], timeout=0.5)[0]
        assert isinstance(future.exception(timeout=self.patience), CallTimedOut)
        assert executor.call_async(abs, -1).result(timeout=self.patience) == 1

    def test_a_crash_fails_only_its_own_call(self, executor: Executor) -> None:
        def crash_on_two(number: int) -> int:
            import os

            if number == 2:
                os._exit(3)
            return number

        futures = executor.map(crash_on_two, range(6))
        wait(futures, timeout=self.patience)
        assert isinstance(futures.pop(2).exception(), WorkerCrashed)
        assert self._results(futures) == [0, 1, 3, 4, 5]

    def test_a_crash_tells_how_the_worker_died(self, executor: Executor) -> None:
        def die(how: int) -> None:
            import os
            import signal

            if how:
                os._exit(how)
            os.kill(os.getpid(), signal.SIGSEGV)

        exited, killed = executor.map(die, [3, 0], retries=0)
        assert "exit code 3" in str(exited.exception(timeout=self.patience))
        assert "SIGSEGV" in str(killed.exception(timeout=self.patience))
        assert (exited.run_status["retcode"], killed.run_status["signal"]) == (3, 11)

    def test_leaving_python_fails_the_call_and_not_the_worker(self, executor: Executor) -> None:
        def leave(_: object) -> None:
            import sys

            sys.exit("enough")

        future = executor.call_async(leave, 1)
        error = future.exception(timeout=self.patience)
        assert isinstance(error, WorkerCrashed)
        assert "enough" in str(error)

    def test_a_killed_worker_is_tried_again_as_often_as_was_said(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        future = executor.map(_die_after_noting, [(str(tmp_path / "runs"), 3)], retries=1)[0]
        assert isinstance(future.exception(timeout=self.patience), WorkerCrashed)
        assert (tmp_path / "runs").stat().st_size == 2
        assert future.run_status["attempt"] == 2

    def test_a_retry_that_succeeds_is_all_that_is_seen(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        future = executor.map(_die_after_noting, [(str(tmp_path / "runs"), 2)], retries=5)[0]
        assert future.result(timeout=self.patience) == 3
        assert future.run_status["attempt"] == 3

    def test_the_functions_own_exception_is_not_tried_again(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        def fail(path: str) -> None:
            with open(path, "a") as file:
                file.write("x")
            raise ValueError

        future = executor.map(fail, [str(tmp_path / "runs")], retries=3)[0]
        assert isinstance(future.exception(timeout=self.patience), ValueError)
        assert (tmp_path / "runs").stat().st_size == 1

    # -- what is said meanwhile -----------------------------------------------------------------

    def test_a_running_call_that_is_cancelled_is_stopped(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        future = executor.call_async(_hang, str(tmp_path / "process"))
        process_id = int(self._await_file(tmp_path / "process"))
        assert future.cancel()
        assert future.cancelled()
        with _raises(CancelledError):
            future.result()
        self._until(lambda: not _is_alive(process_id))
        assert executor.call_async(abs, -1).result(timeout=self.patience) == 1

    def test_a_call_that_is_over_cannot_be_cancelled(self, executor: Executor) -> None:
        future = executor.call_async(abs, -1)
        assert future.result(timeout=self.patience) == 1
        assert not future.cancel()
        assert future.result() == 1

    def test_the_environment_is_set_for_a_call_and_undone_after_it(
        self, executor: Executor
    ) -> None:
        def read(_: object) -> tuple[str | None, str | None]:
            import os

            found = os.environ.get("PYWREN_CONTRACT"), os.environ.get("PYWREN_CONTRACT_OWN")
            os.environ["PYWREN_CONTRACT_OWN"] = "left behind"
            return found

        with_it = executor.map(read, range(4), extra_env={"PYWREN_CONTRACT": "here"})
        assert self._results(with_it) == [("here", None)] * 4
        assert self._results(executor.map(read, range(8))) == [(None, None)] * 8

    def test_the_users_own_facts_come_back(self, executor: Executor) -> None:
        future = executor.call_async(abs, -1, None, {"experiment": 7})
        future.result(timeout=self.patience)
        assert future.run_status["experiment"] == 7

    def test_the_facts_of_a_call_are_plausible(self, executor: Executor) -> None:
        future = executor.call_async(lambda _: time.sleep(0.05), 1)
        future.result(timeout=self.patience)
        facts = future.run_status
        assert 0.05 <= facts["exec_time"] < self.patience
        assert facts["end_time"] >= facts["start_time"] > 1_500_000_000
        assert facts["attempt"] == 1
        assert facts["server_info"]["process_id"] > 0

    def test_output_is_kept_whatever_its_bytes_are(self, executor: Executor) -> None:
        def talk(_: object) -> None:
            import sys

            print("héllo")  # noqa: T201 - it is what the test is about
            sys.stdout.buffer.write(b"\xff\xfe\n")
            print("careful", file=sys.stderr)  # noqa: T201 - the same

        future = executor.call_async(talk, 1)
        future.result(timeout=self.patience)
        assert "héllo" in future.run_status["stdout"]
        assert "\\xff\\xfe" in future.run_status["stdout"]
        assert "careful" in future.run_status["stderr"]

    # -- many futures, and futures elsewhere ----------------------------------------------------

    def test_futures_of_several_callsets_are_waited_for_together(self, executor: Executor) -> None:
        futures: list[ResponseFuture[Any]] = []
        futures += executor.map(abs, [-1, -2])
        futures += executor.map(str, [1, 2])
        dones, not_dones = wait(futures, timeout=self.patience)
        assert (dones, not_dones) == (futures, [])
        assert self._results(futures) == [1, 2, "1", "2"]

    def test_waiting_for_any_returns_when_one_is_over(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        hanging = executor.call_async(_hang, str(tmp_path / "process"))
        self._await_file(tmp_path / "process")
        futures: list[ResponseFuture[Any]] = [hanging, executor.call_async(abs, -1)]
        dones, not_dones = wait(futures, ANY_COMPLETED)
        assert (len(dones), not_dones) == (1, [hanging])
        hanging.cancel()

    def test_a_future_can_be_pickled_before_its_call_is_over(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        future = executor.call_async(_wait_for_file, str(tmp_path / "go"))
        copy = pickle.loads(pickle.dumps(future))  # noqa: S301 - our own
        (tmp_path / "go").touch()
        assert copy.result(timeout=self.patience) == "gone"
        assert future.result(timeout=self.patience) == "gone"

    def test_a_future_can_be_pickled_after_its_call_is_over(self, executor: Executor) -> None:
        futures = executor.map(lambda number: 1 // number, [1, 0])
        wait(futures, timeout=self.patience)
        good, bad = pickle.loads(pickle.dumps(futures))  # noqa: S301 - our own
        assert good.result(timeout=self.patience) == 1
        assert isinstance(bad.exception(timeout=self.patience), ZeroDivisionError)

    def test_a_large_result_is_had_from_a_pickled_future(self, executor: Executor) -> None:
        future = executor.call_async(bytes, 1_500_000)
        assert len(future.result(timeout=self.patience)) == 1_500_000
        copy = pickle.loads(pickle.dumps(future))  # noqa: S301 - our own
        assert copy.result(timeout=self.patience) == bytes(1_500_000)

    def test_a_cancelled_future_stays_cancelled_when_pickled(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        future = executor.call_async(_hang, str(tmp_path / "process"))
        future.cancel()
        assert pickle.loads(pickle.dumps(future)).cancelled()  # noqa: S301 - our own

    # -- waiting --------------------------------------------------------------------------------

    def _results(self, futures: list[Any]) -> list[Any]:
        return get_all_results(futures, timeout=self.patience, progress=False)

    def _await_file(self, path: Path) -> str:
        self._until(lambda: path.exists() and path.read_text() != "")
        return path.read_text()

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.patience
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)


def _die_after_noting(task: tuple[str, int]) -> int:
    """Kill the own process, as long as not more than so many runs were noted in the file."""
    import os
    import signal

    path, deaths = task
    with open(path, "a") as file:
        file.write("x")
    runs = os.path.getsize(path)
    if runs <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return runs


def _hang(path: str) -> None:
    """Note the process id, and never end."""
    import os

    with open(path, "w") as file:
        file.write(str(os.getpid()))
    while True:
        time.sleep(1)


def _wait_for_file(path: str) -> str:
    import os

    while not os.path.exists(path):
        time.sleep(0.01)
    return "gone"


def _is_alive(process_id: int) -> bool:
    import os

    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def _raises(kind: type[BaseException]) -> Iterator[None]:
    try:
        yield
    except kind:
        return
    raise AssertionError(f"expected {kind.__name__} to be raised")
