"""Clients end in many ways and start in odd places; no process and no file stays behind."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import pywren
from pywren import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    Eventually = Callable[[Callable[[], bool]], None]

SOURCE = str(Path(pywren.__file__).parent.parent)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": SOURCE, **more}


def start(script: str, **options: Any) -> subprocess.Popen[str]:
    """A client process that runs `script`."""
    options = {"env": environment(), "stdout": subprocess.PIPE, **options}
    command = [sys.executable, "-c", dedent(script)]
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, **options)


def run(script: str, **options: Any) -> str:
    """What `script` prints, once it has run without complaint."""
    with start(script, **options) as client:
        out, err = client.communicate(timeout=60)
    assert client.returncode == 0, err
    assert not err, err
    return out


def the_line(client: subprocess.Popen[str]) -> list[int]:
    """The process ids that a client prints on one line."""
    assert client.stdout is not None
    return [int(word) for word in client.stdout.readline().split()]


def gone(process_ids: list[int]) -> bool:
    return not any(is_alive(process_id) for process_id in process_ids)


def is_alive(process_id: int) -> bool:
    """Does the process exist, and is it more than an entry that nobody has collected?"""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text(encoding="latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def spools() -> list[Path]:
    """The spool directories that are there."""
    return list(Path(os.environ["TMPDIR"]).glob(f"pywren-{os.getuid()}-*"))


def test_shutdown_leaves_no_process_and_no_file() -> None:
    with pywren.local_executor(workers=2) as pwex:
        assert pywren.get_all_results(pwex.map(abs, range(8))) == list(range(8))
        workers = pwex.backend.process_ids()
        assert len(workers) == 2
    assert gone(workers)
    assert not spools()


def test_an_exception_in_the_block_stops_the_calls() -> None:
    pwex = pywren.local_executor(workers=2)
    futures = pwex.map(lambda _: time.sleep(600), range(20))
    workers = pwex.backend.process_ids()  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError), pwex:
        print(1 / 0)
    assert all(future.cancelled() for future in futures)
    assert gone(workers)
    assert not spools()


def test_an_executor_that_nobody_holds_frees_its_workers(eventually: Eventually) -> None:
    pwex = pywren.local_executor(workers=2)
    assert pywren.get_all_results(pwex.map(abs, [-1, -2])) == [1, 2]
    workers = pwex.backend.process_ids()
    del pwex
    gc.collect()
    eventually(lambda: gone(workers))
    eventually(lambda: not spools())


def test_calls_of_an_executor_that_nobody_holds_come_to_their_end(
    eventually: Eventually, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"

    def wait_for_gate(item: int) -> int:
        while not gate.exists():
            time.sleep(0.01)
        return item

    futures = pywren.local_executor(workers=2).map(wait_for_gate, range(4))
    gc.collect()
    gate.touch()
    assert pywren.get_all_results(futures, timeout=30) == [0, 1, 2, 3]
    eventually(lambda: not spools())


@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(0)"])
def test_a_script_that_just_ends_waits_for_its_calls(ending: str, tmp_path: Path) -> None:
    script = f"""
        import pywren
        def work(item):
            import time
            time.sleep(0.2)
            open(f"{tmp_path}/{{item}}", "w").close()
        pywren.local_executor(workers=2).map(work, range(4))
        {ending}
    """
    run(script)
    assert all((tmp_path / str(item)).exists() for item in range(4))
    assert not spools()


def test_a_script_that_just_ends_gives_its_retried_calls_their_due(tmp_path: Path) -> None:
    script = f"""
        import pywren
        def work(item):
            import os
            with open(f"{tmp_path}/{{item}}", "a") as file:
                file.write(".")
            if os.path.getsize(f"{tmp_path}/{{item}}") == 1:
                os.kill(os.getpid(), 9)
        pwex = pywren.local_executor(workers=2)
        pwex.map(work, range(3), retries=1)
    """
    with start(script) as client:
        client.communicate(timeout=30)
    assert client.returncode == 0
    assert [(tmp_path / str(item)).read_text() for item in range(3)] == [".."] * 3


ENDLESS = """
    import os, sys, time
    import pywren
    def work(item):
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with open(f"{MARKS}/{item}", "w") as file:
            file.write(f"{os.getpid()} {child.pid}")
        os.rename(f"{MARKS}/{item}", f"{MARKS}/{item}.up")
        HOLD
    pwex = pywren.local_executor(workers=2)
    with pwex:
        futures = pwex.map(work, range(4))
        while len([n for n in os.listdir(MARKS) if n.endswith(".up")]) < 2:
            time.sleep(0.005)
        print(*pwex.backend.process_ids(), flush=True)
        pywren.get_all_results(futures)
"""


def endless(tmp_path: Path, hold: str = "time.sleep(600)") -> tuple[Any, list[int]]:
    """A client amid endless calls, and the process ids of its workers and their children."""
    marks = tmp_path / "marks"
    marks.mkdir()
    script = dedent(ENDLESS).replace("HOLD", hold).replace("MARKS", repr(str(marks)))
    script = script.replace(f'f"{{{str(marks)!r}}}', f'f"{marks}')
    client = start(script)
    workers = the_line(client)
    children = [int(word) for path in marks.iterdir() for word in path.read_text().split()]
    assert len(workers) == 2
    return client, sorted({*workers, *children})


def test_ctrl_c_stops_workers_and_client(tmp_path: Path, eventually: Eventually) -> None:
    client, others = endless(tmp_path)
    with client:
        client.send_signal(signal.SIGINT)
        begin = time.monotonic()
        _, err = client.communicate(timeout=30)
    assert time.monotonic() - begin < 5
    assert "KeyboardInterrupt" in err
    assert client.returncode == -signal.SIGINT
    eventually(lambda: gone(others))
    assert not spools()


def test_a_second_ctrl_c_returns_at_once(tmp_path: Path, eventually: Eventually) -> None:
    client, others = endless(tmp_path)
    with client:
        client.send_signal(signal.SIGINT)
        client.send_signal(signal.SIGINT)
        client.communicate(timeout=30)
    eventually(lambda: gone(others))


INTERRUPTED = """
    import pywren
    def one_round():
        return pywren.get_all_results(pwex.map(lambda item: item, range(300)), timeout=30)
    with pywren.local_executor(workers=2) as pwex:
        one_round()
        for n in range(3):
            print(n, flush=True)
            try:
                while True:
                    one_round()
            except KeyboardInterrupt:
                continue
        assert one_round() == list(range(300))
    print("fine", flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_an_executor_goes_on_after_ctrl_c_at_any_moment(seed: int) -> None:
    chance = random.Random(seed)
    with start(INTERRUPTED) as client:
        for _ in range(3):
            the_line(client)
            time.sleep(chance.random() * 0.05)  # not to wait for anything: the moment is the test
            client.send_signal(signal.SIGINT)
        out, err = client.communicate(timeout=60)
    assert out == "fine\n", err
    assert not err


@pytest.mark.parametrize(
    "hold", ["time.sleep(600)", "import ctypes; ctypes.PyDLL(None).sleep(600)"]
)
def test_a_killed_client_takes_its_workers_and_their_children_along(
    hold: str, tmp_path: Path, eventually: Eventually
) -> None:
    client, others = endless(tmp_path, hold)
    with client:
        client.kill()
        client.communicate(timeout=30)
    begin = time.monotonic()
    eventually(lambda: gone(others))
    assert time.monotonic() - begin < 3


def test_the_spool_of_a_killed_client_is_removed_by_a_later_one(
    tmp_path: Path, eventually: Eventually
) -> None:
    script = """
        import os, sys, time
        import pywren
        pwex = pywren.local_executor(workers=1)
        pwex.submit(abs, -1).result()
        print(os.getpid(), flush=True)
        time.sleep(600)
    """
    with start(script) as killed, start(script) as living:
        the_line(killed), the_line(living)
        killed.kill()
        killed.wait()
        assert len(spools()) == 2
        an_hour_ago = time.time() - 3600
        for spool in spools():
            os.utime(spool, (an_hour_ago, an_hour_ago))
        with pywren.local_executor(workers=1) as pwex:
            pwex.submit(abs, -1).result()
        assert len(spools()) == 1  # that of the living
        living.kill()


def test_a_fresh_spool_is_not_taken_for_an_abandoned_one() -> None:
    fresh = Path(os.environ["TMPDIR"]) / f"pywren-{os.getuid()}-fresh"
    fresh.mkdir()
    with pywren.local_executor(workers=1) as pwex:
        pwex.submit(abs, -1).result()
    assert fresh.exists()


WORK = """
    import pywren
    pwex = pywren.local_executor(workers=2)
    print(pywren.get_all_results(pwex.map(lambda item: item + 1, range(3))))
"""


def test_from_a_script_without_a_main_guard(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(dedent(WORK))
    command = [sys.executable, path]
    assert subprocess.check_output(command, env=environment(), text=True) == "[1, 2, 3]\n"


def test_from_standard_input(tmp_path: Path) -> None:
    command = [sys.executable, "-"]
    out = subprocess.check_output(command, env=environment(), text=True, input=dedent(WORK))
    assert out == "[1, 2, 3]\n"


def test_with_warnings_as_errors() -> None:
    assert run(WORK, env=environment(PYTHONWARNINGS="error")) == "[1, 2, 3]\n"


def test_in_development_mode() -> None:
    assert run(WORK, env=environment(PYTHONDEVMODE="1", PYTHONWARNINGS="error")) == "[1, 2, 3]\n"


@pytest.mark.parametrize("name", ["random.py", "types.py", "signal.py", "pickle.py"])
def test_from_a_directory_with_files_named_like_standard_modules(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("raise RuntimeError('the wrong one')")
    command = [sys.executable, "-P", "-c", dedent(WORK)]
    out = subprocess.check_output(command, env=environment(), text=True, cwd=tmp_path)
    assert out == "[1, 2, 3]\n"


def test_from_a_directory_that_was_deleted(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    path = tmp_path / "script.py"
    path.write_text(f"import os\nos.rmdir({str(here)!r})\n" + dedent(WORK))
    command = [sys.executable, path]
    out = subprocess.check_output(command, env=environment(), text=True, cwd=here)
    assert out == "[1, 2, 3]\n"


def test_with_standard_streams_closed(tmp_path: Path) -> None:
    script = dedent(WORK).replace("print(", f"print(file=open({str(tmp_path / 'out')!r}, 'w'), *")
    command = 'exec "$0" -c "$1" <&- >&- 2>&-'
    subprocess.run(["sh", "-c", command, sys.executable, script], env=environment(), check=True)
    assert (tmp_path / "out").read_text() == "1 2 3\n"


def test_without_a_directory_for_temporary_files_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    with pytest.raises(errors.StorageError, match="set TMPDIR"):
        pywren.local_executor().map(abs, [1])


def test_an_executor_that_is_never_used_starts_nothing() -> None:
    with pywren.local_executor():
        pass
    pywren.local_executor().shutdown()
    assert not spools()


def test_after_shutdown_nothing_is_taken() -> None:
    pwex = pywren.local_executor(workers=1)
    pwex.submit(abs, -1).result()
    pwex.shutdown()
    pwex.shutdown()
    for again in (
        lambda: pwex.map(abs, [1]),
        lambda: pwex.submit(abs, 1),
        lambda: pwex.imap(abs, [1]),
    ):
        with pytest.raises(RuntimeError, match="shut down"):
            again()


def test_a_fork_of_the_client_does_not_disturb_it(tmp_path: Path) -> None:
    script = f"""
        import os, sys, time, warnings
        import pywren
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: as meant
        def slow(item):
            import os, time
            while not os.path.exists({str(tmp_path / "gate")!r}):
                time.sleep(0.01)
            return bytes(300_000)
        with pywren.local_executor(workers=2) as pwex:
            large = pwex.map(lambda _: bytes(300_000), range(2))
            pywren.wait(large)
            futures = pwex.map(slow, range(4))
            for ending in (lambda: sys.exit(0), lambda: pwex.shutdown(), lambda: os._exit(0)):
                child = os.fork()
                if not child:
                    ending()
                    sys.exit(0)
                assert os.waitpid(child, 0)[1] == 0
            with open({str(tmp_path / "gate")!r}, "w"):
                pass
            assert [len(f.result(30)) for f in futures] == [300_000] * 4
            assert [len(f.result(30)) for f in large] == [300_000] * 2
            print(pwex.submit(abs, -3).result(30))
    """
    assert run(script) == "3\n"


def test_workers_die_with_a_client_whose_fork_lives(tmp_path: Path, eventually: Eventually) -> None:
    script = """
        import os, time
        import pywren
        pwex = pywren.local_executor(workers=2)
        pywren.get_all_results(pwex.map(abs, range(4)))
        child = os.fork()
        if not child:
            time.sleep(600)
        print(child, *pwex.backend.process_ids(), flush=True)
        time.sleep(600)
    """
    with start(script) as client:
        fork, *workers = the_line(client)
        client.kill()
        client.wait()
        try:
            eventually(lambda: gone(workers))
        finally:
            os.kill(fork, signal.SIGKILL)


def test_from_a_thread() -> None:
    from concurrent.futures import ThreadPoolExecutor

    def work() -> list[int]:
        with pywren.local_executor(workers=1) as pwex:
            return pywren.get_all_results(pwex.map(abs, [-1, -2]))

    with ThreadPoolExecutor(3) as threads:
        assert [future.result() for future in [threads.submit(work) for _ in range(3)]] == [
            [1, 2]
        ] * 3


def test_a_call_may_map(pwex: pywren.Executor, eventually: Eventually) -> None:
    def outer(item: int) -> tuple[int, int]:
        import pywren

        inner = pywren.local_executor()
        result = sum(pywren.get_all_results(inner.map(lambda n: n * item, range(4))))
        (worker,) = inner.backend.process_ids()  # type: ignore[attr-defined]
        return result, worker

    results = pwex.map(outer, range(4))
    assert [future.result()[0] for future in results] == [0, 6, 12, 18]
    pwex.shutdown()
    eventually(lambda: gone([future.result()[1] for future in results]))
