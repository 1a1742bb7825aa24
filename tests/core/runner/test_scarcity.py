"""When descriptors, room or the system's help are missing: an error that says so, and no leaks."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pywren
from pywren.runner import _slot as slot_module
from pywren.runner._ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def run(script: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_ledger_has_its_room_before_it_is_touched(tmp_path: Path) -> None:
    ledger = Ledger.create(f"{tmp_path}/ledger")
    try:
        assert os.fstat(ledger.descriptor).st_blocks > 0
    finally:
        ledger.close()


def test_a_process_that_cannot_start_leaves_no_descriptors(tmp_path: Path) -> None:
    script = f"""
        import os, resource
        from pywren.runner._process import ChildProcess
        def descriptors():
            return sorted(map(int, os.listdir("/dev/fd")))
        ChildProcess({str(tmp_path)!r}, "first", dict(os.environ)).kill()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        before = descriptors()
        failed = 0
        for room in range(14):
            resource.setrlimit(resource.RLIMIT_NOFILE, (before[-1] + room, hard))
            try:
                process = ChildProcess({str(tmp_path)!r}, str(room), dict(os.environ))
            except OSError:
                failed += 1
            else:
                process.wait()
                process.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert descriptors() == before, (room, before, descriptors())
        print(failed > 5)
    """
    assert run(script) == "True\n"


def test_a_client_that_ignores_the_end_of_its_children_learns_of_crashes() -> None:
    script = """
        import os, signal
        import pywren
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        with pywren.local_executor(workers=1) as pwex:
            crashed, good = pwex.map(lambda item: item or os._exit(3), [0, 5])
            print(type(crashed.exception(60)).__name__, good.result(60))
    """
    assert run(script) == "WorkerCrashed 5\n"


def test_a_worker_that_a_former_call_keeps_busy_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, gate = tmp_path / "stuck", tmp_path / "gate"

    def leave_a_thread(_: int) -> None:
        import ctypes
        import threading
        import time

        def keep_the_interpreter() -> None:
            while not gate.exists():
                time.sleep(0.001)
            stuck.touch()
            ctypes.PyDLL(None).sleep(3600)

        threading.Thread(target=keep_the_interpreter, daemon=True).start()

    with pywren.local_executor(workers=1) as pwex:
        pwex.call_async(leave_a_thread, 0).result(timeout=60)
        [process_id] = pwex.backend.process_ids()
        gate.touch()
        _eventually(stuck.exists)
        monkeypatch.setattr(slot_module, "START_SECONDS", 0.5)
        future = pwex.call_async(abs, -1)
        _eventually(lambda: process_id not in pwex.backend.process_ids())
        monkeypatch.undo()  # the next one may take its time to come up
        assert future.result(timeout=60) == 1


def _eventually(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.005)
