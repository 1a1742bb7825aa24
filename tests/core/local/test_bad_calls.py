"""Each way in which a call can end badly is told precisely, and harms no other call."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

import pywren
from pywren import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Company  # type: ignore[import-not-found]


def _deeds() -> dict[str, Callable[[], Any]]:  # noqa: C901, PLR0915 - a list of short ones
    """Made in a function, so that they travel by themselves and not with this module."""

    def sleep_in_python() -> None:
        import time

        while True:
            time.sleep(1)

    def hold_the_gil() -> None:
        import ctypes

        ctypes.PyDLL(None).sleep(3600)

    def ignore_sigterm() -> None:
        import signal

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while True:
            pass

    def stop_itself() -> None:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGSTOP)

    def segfault() -> None:
        import ctypes

        ctypes.string_at(0)

    def kill_itself() -> None:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)

    def abort() -> None:
        import os

        os.abort()

    def leave_at_once() -> None:
        import os

        os._exit(3)

    def daemon_with_streams() -> int:
        import subprocess
        import sys

        return subprocess.Popen(
            [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
            start_new_session=True,
        ).pid

    def daemon_with_everything() -> int:
        import os
        import time

        process_id = os.fork()
        if not process_id:
            os.setsid()
            time.sleep(60)
        return process_id

    def daemon_behind_pythons_back() -> int:
        import ctypes
        import os

        process_id = ctypes.PyDLL(None).fork()
        if not process_id:
            os.setsid()
            ctypes.PyDLL(None).sleep(60)
            os._exit(0)
        return process_id

    return {
        deed.__name__: deed
        for deed in (
            sleep_in_python,
            hold_the_gil,
            ignore_sigterm,
            stop_itself,
            segfault,
            kill_itself,
            abort,
            leave_at_once,
            daemon_with_streams,
            daemon_with_everything,
            daemon_behind_pythons_back,
        )
    }


DEEDS = _deeds()


@pytest.mark.parametrize(
    "name", ["sleep_in_python", "hold_the_gil", "ignore_sigterm", "stop_itself"]
)
def test_a_call_is_stopped_at_its_deadline(company: Company, name: str) -> None:
    deed = DEEDS[name]

    def loud() -> None:
        print("before the end", flush=True)
        deed()

    future = company.call(loud, timeout=0.5)
    with pytest.raises(TimeoutError, match=r"it may run 0\.5 s") as caught:
        future.result()
    assert isinstance(caught.value, errors.CallTimedOut)
    assert "before the end" in caught.value.__notes__[0]
    assert 0.5 <= future.run_status["exec_time"] < 5
    assert future.run_status["outcome"] == "timed_out"
    assert future.run_status["stdout"] == "before the end\n"


@pytest.mark.parametrize(
    ("name", "words", "facts"),
    [
        ("segfault", "signal 11 (SIGSEGV)", (None, signal.SIGSEGV)),
        ("kill_itself", "signal 9 (SIGKILL)", (None, signal.SIGKILL)),
        ("abort", "signal 6 (SIGABRT)", (None, signal.SIGABRT)),
        ("leave_at_once", "exit code 3", (3, None)),
    ],
    ids=["segfault", "sigkill", "abort", "os._exit"],
)
def test_a_crash_names_signal_or_exit_code_and_the_last_output(
    company: Company, name: str, words: str, facts: tuple[int | None, int | None]
) -> None:
    deed = DEEDS[name]

    def loud() -> None:
        import sys

        print("last words", file=sys.stderr)
        deed()

    future = company.call(loud)
    with pytest.raises(errors.WorkerCrashed) as caught:
        future.result()
    assert words in str(caught.value)
    assert "call 00003" in str(caught.value)
    assert "last words" in caught.value.__notes__[0]
    assert (future.run_status["retcode"], future.run_status["signal"]) == facts
    assert future.run_status["peak_memory_bytes"] >= 0


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [(3, 3, "code 3"), ("out of luck", 1, "out of luck"), (None, 0, "code 0"), (True, 1, "code 1")],
)
def test_sys_exit_ends_the_call_with_its_code(
    company: Company, code: Any, exit_code: int, words: str
) -> None:
    def leave() -> None:
        import sys

        sys.exit(code)

    future = company.call(leave)
    with pytest.raises(errors.WorkerCrashed, match=words):
        future.result()
    assert future.run_status["retcode"] == exit_code


def test_too_much_memory_is_told_with_what_was_used_and_allowed(
    company_of: Callable[[pywren.Executor], Company],
) -> None:
    def fill() -> None:
        import time

        hoard = []
        while True:
            hoard.append(b"x" * 2**23)
            time.sleep(0.01)

    with pywren.local_executor(workers=2, worker_memory_mb=200) as pwex:
        future = company_of(pwex).call(fill, timeout=30)
        with pytest.raises(MemoryError, match="200 MiB are allowed") as caught:
            future.result()
    assert isinstance(caught.value, errors.WorkerOutOfMemory)
    assert future.run_status["peak_memory_bytes"] > 200 * 2**20


def test_endless_output_fills_no_disk_and_its_end_is_kept(company: Company) -> None:
    def chatter() -> None:
        import os

        line = b"na" * 500 + b"\n"
        while True:
            os.write(1, line * 200)

    future = company.call(chatter, timeout=0.5)
    with pytest.raises(errors.CallTimedOut):
        future.result()
    assert len(future.run_status["stdout"]) <= 4096
    assert future.run_status["stdout"].count("nana") > 1000


def test_output_files_stay_small_however_much_is_written(company: Company) -> None:
    def chatter() -> bool:
        import os

        written = largest = 0
        while written < 2**31 and largest <= os.fstat(1).st_size:
            largest = os.fstat(1).st_size
            written += os.write(1, b"x" * 2**16)
        return written < 2**31  # then the file has become smaller

    assert company.call(chatter).result()


def test_any_bytes_may_be_written(company: Company) -> None:
    def write() -> str:
        import os
        import subprocess
        import sys

        os.write(1, b"\xff\xfe own ")
        subprocess.run([sys.executable, "-c", "import os; os.write(1, b'\\xfa child')"], check=True)
        print("é" * 3, "\udcff", file=sys.stderr)
        return "fine"

    future = company.call(write)
    assert future.result() == "fine"
    assert future.run_status["stdout"] == "\\xff\\xfe own \\xfa child"
    assert "ééé" in future.run_status["stderr"]


def test_a_huge_line_keeps_its_tail(company: Company) -> None:
    future = company.call(lambda: print("é" * 10**6))
    assert future.result() is None
    tail = future.run_status["stdout"]
    assert tail.endswith("ééé\n")
    assert len(tail.encode()) <= 4100


def test_output_belongs_to_the_call_that_wrote_it(pwex: pywren.Executor) -> None:
    futures = pwex.map(lambda item: print(f"<{item}>"), range(50))
    pywren.wait(futures)
    assert [f.run_status["stdout"] for f in futures] == [f"<{item}>\n" for item in range(50)]


@pytest.mark.parametrize(
    "name", ["daemon_with_streams", "daemon_with_everything", "daemon_behind_pythons_back"]
)
def test_a_daemon_that_outlives_its_call_holds_nobody_up(company: Company, name: str) -> None:
    process_id = company.call(DEEDS[name], timeout=20).result()
    try:
        assert pywren.get_all_results(company.executor.map(abs, range(9))) == list(range(9))
        with pytest.raises(errors.WorkerCrashed, match="exit code 3"):
            company.executor.call_async(lambda _: os._exit(3), 0).result(timeout=20)
    finally:
        os.kill(process_id, signal.SIGKILL)


def test_a_crash_is_noticed_though_a_fork_holds_the_descriptors(company: Company) -> None:
    daemon_behind_pythons_back = DEEDS["daemon_behind_pythons_back"]

    def fork_and_crash() -> None:
        daemon_behind_pythons_back()
        os._exit(5)

    with pytest.raises(errors.WorkerCrashed, match="exit code 5"):
        company.call(fork_and_crash, timeout=20).result()


def test_a_call_may_close_its_standard_streams(company: Company) -> None:
    def close() -> str:
        import os
        import sys

        sys.stdout.close()
        os.close(2)
        return "fine"

    assert company.call(close).result() == "fine"
    futures = company.executor.map(print, range(8))
    pywren.wait(futures)
    assert [future.run_status["stdout"] for future in futures] == [f"{n}\n" for n in range(8)]


def test_a_call_may_replace_its_standard_streams(company: Company, tmp_path: Path) -> None:
    target = tmp_path / "mine"

    def replace() -> str:
        import io
        import os
        import sys

        sys.stdout = io.StringIO()
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT)
        os.dup2(descriptor, 1)
        os.write(1, b"to my own file")
        return "fine"

    assert company.call(replace).result() == "fine"
    assert target.read_text() == "to my own file"
    futures = company.executor.map(print, range(8))
    pywren.wait(futures)
    assert [future.run_status["stdout"] for future in futures] == [f"{n}\n" for n in range(8)]
    assert target.read_text() == "to my own file"


def test_a_call_may_close_all_descriptors_it_finds_nearby(company: Company) -> None:
    def close() -> str:
        import os

        os.closerange(3, 50)
        return "fine"

    assert company.call(close).result() == "fine"


def test_a_call_that_cuts_its_worker_off_is_told_so(company: Company) -> None:
    def close() -> None:
        import os
        import time

        os.closerange(3, 1000)
        time.sleep(60)

    with pytest.raises(errors.WorkerCrashed, match="descriptors"):
        company.call(close, timeout=20).result()


def test_a_call_finds_the_surroundings_that_the_first_one_found(tmp_path: Path) -> None:
    def look() -> tuple[Any, ...]:
        import os
        import signal
        import sys

        timer = signal.getitimer(signal.ITIMER_REAL)
        return (
            dict(os.environ),
            os.getcwd(),
            list(sys.path),
            timer,
            signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
        )

    def change() -> None:
        import os
        import shutil
        import signal
        import sys
        import tempfile

        os.environ["LEFT_BEHIND"] = "yes"
        del os.environ["HOME"]
        os.environ["PATH"] = "/nowhere"
        directory = tempfile.mkdtemp()
        os.chdir(directory)
        shutil.rmtree(directory)
        sys.path.insert(0, "/left/behind")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 1000)

    with pywren.local_executor(workers=1) as pwex:
        before = pwex.submit(look).result()
        pwex.submit(change).result()
        assert pwex.submit(look).result() == before


def test_a_module_that_travelled_is_found_by_later_calls_on_the_same_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "once_imported.py").write_text("VALUE = 7")
    (tmp_path / "never_yet_imported.py").write_text("VALUE = 8")
    monkeypatch.syspath_prepend(tmp_path)

    def late(item: int) -> int:
        if item == 0:
            import once_imported as module
        else:
            import never_yet_imported as module
        value: int = module.VALUE
        return value

    with pywren.local_executor(workers=1) as pwex:
        futures = pwex.map(late, range(3))
        assert pywren.get_all_results(futures) == [7, 8, 8]


def test_extra_env_is_there_during_its_call_only(tmp_path: Path) -> None:
    def read(_: Any) -> str | None:
        return os.environ.get("MOOD")

    with pywren.local_executor(workers=1) as pwex:
        assert pwex.call_async(read, 0, extra_env={"MOOD": "good"}).result() == "good"
        assert pwex.call_async(read, 0).result() is None
        failing = pwex.call_async(lambda _: 1 / 0, 0, extra_env={"MOOD": "bad"})
        assert isinstance(failing.exception(), ZeroDivisionError)
        assert pwex.call_async(read, 0).result() is None


def test_extra_env_reaches_what_the_call_starts(pwex: pywren.Executor) -> None:
    def child(_: Any) -> bytes:
        import subprocess

        return subprocess.run(["printenv", "MOOD"], check=True, capture_output=True).stdout

    assert pwex.call_async(child, 0, extra_env={"MOOD": "good"}).result() == b"good\n"


def test_a_deadline_holds_on_an_executor_that_has_been_idle(pwex: pywren.Executor) -> None:
    pwex.submit(abs, -1).result()
    pool = pwex.backend._pool  # type: ignore[attr-defined]
    while not pool._dozing:
        pass
    with pytest.raises(errors.CallTimedOut):
        pwex.call_async(lambda _, deed=DEEDS["sleep_in_python"]: deed(), 0, timeout=0.2).result(
            timeout=10
        )
