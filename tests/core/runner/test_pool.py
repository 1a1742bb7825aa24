"""The pool itself: workers that cannot start, that talk nonsense, that are many."""

from __future__ import annotations

import os
import queue
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pywren.errors import BackendError
from pywren.frames import join
from pywren.protocol import CallsetSpec, CallSpec, Outcome, OutcomeKind
from pywren.runner import WorkerPool
from pywren.runner import _slot as slot_module
from pywren.serialization.functions import pack_function
from pywren.serialization.pickling import dump_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Bench:
    """Pools in a directory, and the outcomes that they deliver."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._pools: list[WorkerPool] = []

    def pool(self, workers: int = 1, **options: Any) -> WorkerPool:
        pool = WorkerPool(
            workers,
            directory=str(self.directory),
            deliver=lambda outcomes: [self.outcomes.put(one) for one in outcomes] and None,
            **options,
        )
        pool.open()
        self._pools.append(pool)
        return pool

    def poisoned(self, workers: int, site: str) -> WorkerPool:
        """A pool whose workers run `site` before anything else."""
        (self.directory / "sitecustomize.py").write_text(site)
        return self.pool(workers, environment={**os.environ, "PYTHONPATH": str(self.directory)})

    def submit(
        self,
        pool: WorkerPool,
        function: Callable[[Any], object],
        items: Iterable[object],
        callset_id: str = "",
    ) -> None:
        payload = pack_function(function)
        pool.add_function(payload.digest, join(payload.segments))
        spec = CallsetSpec(
            callset_id=callset_id or os.urandom(4).hex(), function=payload.digest, timeout=30.0
        )
        pool.submit(spec, [CallSpec(str(n), dump_frame(item)) for n, item in enumerate(items)])

    def collect(self, count: int) -> list[Outcome]:
        """So many outcomes, in the order of their calls."""
        outcomes = [self.outcomes.get(timeout=30) for _ in range(count)]
        return sorted(outcomes, key=lambda one: int(one.call_id))

    def close(self) -> None:
        for pool in self._pools:
            pool.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    directory = tmp_path / "pool"
    directory.mkdir()
    bench = Bench(directory)
    yield bench
    bench.close()


def kinds(outcomes: list[Outcome]) -> set[OutcomeKind]:
    return {outcome.kind for outcome in outcomes}


def said(outcome: Outcome) -> str:
    assert outcome.error is not None
    return outcome.error.message


def test_calls_run_and_outcomes_come(bench: Bench) -> None:
    bench.submit(bench.pool(2), abs, [-1, -2, -3])
    assert kinds(bench.collect(3)) == {OutcomeKind.VALUE}


def test_a_worker_that_cannot_start_says_so_in_its_own_words(bench: Bench) -> None:
    pool = bench.poisoned(2, "import os; os.write(2, b'oh'); os._exit(7)")
    bench.submit(pool, abs, [-1, -2])
    for outcome in bench.collect(2):
        assert outcome.kind is OutcomeKind.CRASHED
        assert said(outcome) == "the worker process could not start: oh"


def test_after_a_failed_start_the_next_calls_try_again(bench: Bench) -> None:
    pool = bench.poisoned(2, "import os; os._exit(7)")
    bench.submit(pool, abs, [-1])
    assert kinds(bench.collect(1)) == {OutcomeKind.CRASHED}
    (bench.directory / "sitecustomize.py").unlink()
    bench.submit(pool, abs, [-1])
    assert kinds(bench.collect(1)) == {OutcomeKind.VALUE}


def test_a_worker_that_does_not_come_up_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_module, "START_SECONDS", 0.2)
    bench.submit(bench.poisoned(1, "import time; time.sleep(600)"), abs, [-1])
    assert "did not come up within 0.2 s" in said(bench.collect(1)[0])


def test_one_worker_is_enough_if_others_cannot_start(bench: Bench) -> None:
    only = bench.directory / "only"
    site = f"import os\ntry: os.mkdir({str(only)!r})\nexcept FileExistsError: os._exit(7)\n"

    def brief(item: int) -> None:
        import time

        time.sleep(0.02)

    bench.submit(bench.poisoned(2, site), brief, range(30))
    assert kinds(bench.collect(30)) == {OutcomeKind.VALUE}


def test_a_directory_that_vanishes_fails_the_calls_and_hangs_nobody(bench: Bench) -> None:
    pool = bench.pool(1)
    bench.submit(pool, abs, [-1])
    bench.collect(1)
    bench.directory.rename(bench.directory.with_name("elsewhere"))
    bench.submit(pool, os._exit, [1])
    assert bench.collect(1)[0].exit_code == 1
    bench.submit(pool, abs, [-1, -2])
    for outcome in bench.collect(2):
        assert "could not be started" in said(outcome)


def test_a_worker_that_talks_nonsense_is_replaced(bench: Bench) -> None:
    def babble(item: int) -> int:
        import os
        import stat
        import time

        if item == 1:
            for name in os.listdir("/proc/self/fd"):
                try:
                    if int(name) > 2 and stat.S_ISFIFO(os.fstat(int(name)).st_mode):
                        os.write(int(name), b"O" + b"\3\0\0\0" + b"\2" + bytes(7) + b"???")
                except OSError:
                    continue
            time.sleep(600)
        return item

    bench.submit(bench.pool(1), babble, range(4))
    outcomes = bench.collect(4)
    assert [one.kind is OutcomeKind.VALUE for one in outcomes] == [True, False, True, True]
    assert "sent no outcome" in said(outcomes[1])


def test_half_an_output_does_not_stay(bench: Bench) -> None:
    directory = str(bench.directory)

    def die_while_writing(callset_id: str) -> None:
        import os

        os.close(os.open(f"{directory}/outputs/{callset_id}-0-1", os.O_CREAT | os.O_WRONLY))
        os._exit(3)

    bench.submit(bench.pool(1), die_while_writing, ["c0ffee"], callset_id="c0ffee")
    assert bench.collect(1)[0].exit_code == 3
    assert not list((bench.directory / "outputs").iterdir())


def test_closing_with_wait_lets_calls_end_and_without_cancels_them(bench: Bench) -> None:
    import time

    pool = bench.pool(2)
    bench.submit(pool, time.sleep, [0.05] * 6)
    pool.close(wait=True)
    assert kinds(bench.collect(6)) == {OutcomeKind.VALUE}
    pool = bench.pool(2)
    bench.submit(pool, time.sleep, [60] * 6)
    pool.close()
    pool.close()
    assert kinds(bench.collect(6)) == {OutcomeKind.CANCELLED}
    with pytest.raises(BackendError, match="shut down"):
        bench.submit(pool, abs, [1])


def test_no_descriptor_is_left_behind(bench: Bench) -> None:
    def leave(item: int) -> int:
        import os

        return os._exit(3) if item == 2 else item

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    bench.pool(2).close()
    before = descriptors()
    for _ in range(3):
        pool = bench.pool(2)
        bench.submit(pool, leave, range(5))
        bench.collect(5)
        pool.close()
    assert descriptors() == before
