"""Executors on real worker processes, and gates for their calls to wait at."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

import pywren

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pywren import Executor


@pytest.fixture(autouse=True)
def own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Spools of this test alone, so that it can count them."""
    directory = tmp_path / "t"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory


@pytest.fixture
def pwex() -> Iterator[Executor]:
    with pywren.local_executor(workers=2) as executor:
        yield executor
        executor.cancel_pending()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that some calls wait for."""
    return tmp_path / "gate"


@pytest.fixture
def pass_gate(gate: Path) -> Callable[[int], int]:
    """A function that returns its item once the gate is there."""
    path = str(gate)

    def wait_for_it(item: int) -> int:
        import os
        import time

        while not os.path.exists(path):
            time.sleep(0.005)
        return item

    return wait_for_it


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until a claim about other threads or processes holds."""

    def check(claim: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not claim():
            assert time.monotonic() < deadline, "it never came to hold"
            time.sleep(0.005)

    return check
