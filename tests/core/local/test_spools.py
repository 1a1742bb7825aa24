"""The private directory of an executor goes when nobody can want anything of it any more."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pywren

if TYPE_CHECKING:
    from pathlib import Path


def test_results_read_after_the_executor_leave_no_directory_and_no_descriptor(
    own_temporary_directory: Path,
) -> None:
    def read_late() -> None:
        with pywren.local_executor(workers=1) as pwex:
            future = pwex.call_async(lambda _: bytes(300_000), 0)
        assert len(future.result()) == 300_000

    read_late()
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        read_late()
    gc.collect()  # executor and backend know each other
    assert len(os.listdir("/dev/fd")) == before
    assert not list(own_temporary_directory.glob("pywren-*-*"))


def test_results_that_nobody_read_go_with_the_process(own_temporary_directory: Path) -> None:
    script = """
        import pywren
        pwex = pywren.local_executor(workers=1)
        futures = pwex.map(lambda _: bytes(300_000), range(3))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=120)
    assert not list(own_temporary_directory.glob("pywren-*-*"))
