"""Executors on real worker processes, and one bad call among good ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pywren

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pywren import Executor, ResponseFuture

GOOD = 12
BAD = 3


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


class Company:
    """Good calls around a bad one: they must not notice it."""

    def __init__(self, executor: Executor, directory: Path) -> None:
        self.executor = executor
        self._runs = directory / "runs"
        self._runs.mkdir()
        executor.map(lambda _: None, range(4))  # short deadlines are for workers that are up

    def call(self, deed: Callable[[], Any], **options: Any) -> ResponseFuture[Any]:
        """Run `deed` as one call of a map, see that the others went well, and return it."""
        runs = str(self._runs)

        def work(item: int) -> Any:
            with open(f"{runs}/{item}", "a", encoding="ascii") as file:
                file.write(".")
            return deed() if item == BAD else item * 10

        futures = self.executor.map(work, range(GOOD), **options)
        done, not_done = pywren.wait(futures, timeout=60)
        assert not not_done, futures
        for item, future in enumerate(done):
            assert item == BAD or future.result() == item * 10
        ran = {path.name: path.read_text() for path in self._runs.iterdir()}
        assert ran == {str(item): "." for item in range(GOOD)}
        for path in self._runs.iterdir():
            path.unlink()
        assert pywren.get_all_results(self.executor.map(abs, range(GOOD))) == list(range(GOOD))
        return futures[BAD]


@pytest.fixture
def company_of(tmp_path: Path) -> Callable[[Executor], Company]:
    return lambda executor: Company(executor, tmp_path)


@pytest.fixture
def company(pwex: Executor, tmp_path: Path) -> Company:
    return Company(pwex, tmp_path)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until a claim about other processes holds."""

    def check(claim: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not claim():
            assert time.monotonic() < deadline, "it never came to hold"
            time.sleep(0.005)

    return check
