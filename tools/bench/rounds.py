"""The launcher: every cell in a fresh process, all peers in turn, round after round."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.order import Answer, Order
from bench.peers import card_named
from bench.processes import adopt_orphans, end_stragglers
from bench.results import Cell
from bench.scenarios import Scenario

_TOOLS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Plan:
    """What to run: scenarios, names of peers, worker count, rounds, scale, seconds per cell.

    `most` limits the calls of every scenario, None leaves the scenario's own number.
    """

    scenarios: tuple[Scenario, ...]
    peers: tuple[str, ...]
    workers: int
    rounds: int
    quick: bool
    slow: bool
    most: int | None
    timeout: float

    def calls_of(self, scenario: Scenario, peer: str) -> int:
        """Return the number of calls of a cell."""
        calls = scenario.calls_of(peer, quick=self.quick, slow=self.slow)
        return calls if self.most is None else min(calls, self.most)

    def rounds_of(self, scenario: Scenario) -> int:
        """Return how many cells each peer has in a scenario."""
        return self.rounds if self.quick else self.rounds * scenario.turns


def run_plan(plan: Plan) -> Iterator[Cell]:
    """Run every cell of the plan and yield each as it ends; nothing that it started is left."""
    adopt_orphans()
    for scenario, peer, number in _sequence(plan):
        yield _run_cell(plan, scenario, peer, number)


def _sequence(plan: Plan) -> Iterator[tuple[Scenario, str, int]]:
    """Interleave: A B C, A B C, so that a noisy minute hurts no peer alone."""
    for scenario in plan.scenarios:
        for number in range(1, plan.rounds_of(scenario) + 1):
            for peer in scenario.peers:
                if peer in plan.peers:
                    yield scenario, peer, number


def _run_cell(plan: Plan, scenario: Scenario, peer: str, number: int) -> Cell:
    calls = plan.calls_of(scenario, peer)
    answer = _answer(plan, scenario.name, peer, calls)
    return Cell(scenario.name, peer, number, calls, answer)


def _answer(plan: Plan, scenario: str, peer: str, calls: int) -> Answer:
    """Return the answer of a cell, or what stands in its place."""
    card = card_named(peer)
    if card.version is None:
        return Answer("not installed", card.how_to_install)
    # Some peers remove files of their own folder until the last moment.
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        order = Order(scenario, peer, plan.workers, calls, str(Path(folder, "answer.json")))
        try:
            return _ask(order, folder, plan.timeout)
        finally:
            end_stragglers()


def _ask(order: Order, folder: str, timeout: float) -> Answer:
    """Run one cell's process in `folder` and read its answer."""
    log = Path(folder, "log.txt")
    command = [sys.executable, "-m", "bench.cell", order.to_json()]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(folder), stdout=output, stderr=output
        )
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            return Answer("timeout", f"no answer within {timeout:g} s")
    return order.read_answer() or Answer("error", _last_line(log, process.returncode))


def environment(folder: str) -> dict[str, str]:
    """Return the environment of a cell: the same for all peers, and nobody's own settings.

    Bytecode is written, so that only a first, uncounted start compiles. Home and temporary files
    are in `folder`, and numerical libraries get one thread, as each worker has one core.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE" and not name.startswith("PYWREN_")
    }
    path = [str(_TOOLS), *(str(Path(p).resolve()) for p in _python_path())]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # As in an activated environment: some peers start whatever `python` comes first.
    programs = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    own = {
        "HOME": folder,
        "TMPDIR": folder,
        "PATH": os.pathsep.join(programs),
        "PYTHONPATH": os.pathsep.join(path),
    }
    return {**kept, **single, **own}


def _python_path() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


def _last_line(log: Path, code: int) -> str:
    """Return the last line that a failed cell wrote, which for a traceback is the exception."""
    lines = log.read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
    return f"{last} (exit code {code})"
