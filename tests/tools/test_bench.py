from __future__ import annotations

import doctest
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


def run_bench(
    *options: str, folder: Path, python: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the benchmark as a user does, with its temporary files in `folder`."""
    command = [sys.executable, *python, str(TOOLS / "bench" / "run.py"), *options]
    environment = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def cells_of(folder: Path, *options: str) -> list[dict[str, Any]]:
    document = folder / "cells.json"
    done = run_bench(*options, "--repeat", "1", "--json", str(document), folder=folder)
    assert document.exists(), done.stderr
    cells: list[dict[str, Any]] = json.loads(document.read_text())["cells"]
    return cells


def running_in(folder: Path) -> list[str]:
    """Return the processes whose environment names `folder`."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(folder).encode() in environ.read_bytes():
                found.append(environ.parent.name)
        except OSError:
            continue  # ended meanwhile, or somebody else's
    return found


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("bench")


@pytest.fixture
def scenarios(bench: ModuleType) -> ModuleType:
    return importlib.import_module(f"{bench.__name__}.scenarios")


@pytest.fixture
def results(bench: ModuleType) -> ModuleType:
    return importlib.import_module(f"{bench.__name__}.results")


def test_every_scenario_gives_all_its_metrics(tmp_path: Path, scenarios: ModuleType) -> None:
    cells = cells_of(tmp_path, "--peers", "processpool", "processpool-spawn", "--calls", "2")
    measured = {cell["scenario"]: set(cell["answer"]["metrics"]) for cell in cells}
    assert measured == {
        scenario.name: {metric.name for metric in scenario.metrics}
        for scenario in scenarios.SCENARIOS
    }
    assert running_in(tmp_path) == []


def test_peers_take_turns_in_every_round(tmp_path: Path) -> None:
    document = tmp_path / "cells.json"
    options = ["--peers", "processpool", "processpool-spawn", "--only", "cold", "--calls", "1"]
    run_bench(*options, "--repeat", "2", "--json", str(document), folder=tmp_path)
    cells = json.loads(document.read_text())["cells"]
    # Scenarios of short cells have three turns in every round that is asked for.
    assert [(cell["round"], cell["peer"]) for cell in cells] == [
        (number, peer)
        for number in (1, 2, 3, 4, 5, 6)
        for peer in ("processpool", "processpool-spawn")
    ]


def test_a_peer_that_is_not_installed_is_shown_with_its_install_command(tmp_path: Path) -> None:
    # Without site-packages nothing but the standard library is installed.
    options = ["--peers", "loky", "dask", "--only", "noop-1000", "--quick"]
    done = run_bench(*options, folder=tmp_path, python=("-S",))
    assert "loky: not installed: pip install loky" in done.stdout
    assert "dask LocalCluster: not installed: pip install 'dask[distributed]'" in done.stdout


def test_a_peer_that_fails_is_shown_with_its_error(tmp_path: Path) -> None:
    options = ["--peers", "processpool", "--only", "noop-1000", "--calls", "2", "--workers", "0"]
    [cell] = cells_of(tmp_path, *options)
    assert cell["answer"]["status"] == "error"
    assert cell["answer"]["reason"] == "ValueError: max_workers must be greater than 0"


def test_a_cell_that_takes_too_long_is_ended_with_its_workers(tmp_path: Path) -> None:
    # This scenario holds its workers for more than a second.
    options = ["--peers", "processpool", "--only", "futures-100000", "--timeout", "0.9"]
    [cell] = cells_of(tmp_path, *options)
    reason = "no answer within 0.9 s"
    assert cell["answer"] == {"status": "timeout", "reason": reason, "metrics": {}}
    assert running_in(tmp_path) == []


def test_a_run_that_is_ended_early_shows_what_it_has(tmp_path: Path) -> None:
    command = [sys.executable, str(TOOLS / "bench" / "run.py"), "--peers", "processpool"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [*command, "--only", "cold", "round-trip", "--calls", "1", "--repeat", "100"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stderr is not None
        assert run.stderr.readline().startswith("round-trip ")
        run.terminate()
        output, _ = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert "round-trip: One call on a warm executor" in output
    assert "cold: " not in output
    assert running_in(tmp_path) == []


def test_the_page_for_the_docs_names_machine_versions_and_command(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    options = ["--peers", "processpool", "--only", "cold", "--quick", "--calls", "1"]
    run_bench(*options, "--markdown", str(page), folder=tmp_path)
    text = page.read_text()
    command = "hatch run bench --workers 2 --repeat 1 --quick --calls 1 --only cold"
    assert f"- Command: {command} --peers processpool\n" in text
    for fact in ("Processor", "Cores", "Memory", "System", "Python", "Versions", "Date"):
        assert f"\n- {fact}: " in text
    assert "| ProcessPoolExecutor (fork) | 1 | 1 |" in text
    assert str(tmp_path) not in text


def test_a_promise_is_met_up_to_its_limit_and_missed_above(
    results: ModuleType, scenarios: ModuleType, bench: ModuleType
) -> None:
    order = importlib.import_module(f"{bench.__name__}.order")
    scenario = scenarios.scenario_named("round-trip")

    def verdict(milliseconds: float) -> bool | None:
        values = {"pywren": milliseconds, "processpool": 0.2}
        cells = [
            results.Cell(scenario.name, peer, 1, 9, order.Answer(metrics={"milliseconds": value}))
            for peer, value in values.items()
        ]
        [found] = results.verdicts(scenario, results.summarise(scenario, cells))
        met: bool | None = found.met
        return met

    assert verdict(0.5) is True
    assert verdict(0.7) is False


def test_a_promise_without_its_reference_is_neither_met_nor_missed(
    results: ModuleType, scenarios: ModuleType, bench: ModuleType
) -> None:
    order = importlib.import_module(f"{bench.__name__}.order")
    scenario = scenarios.scenario_named("round-trip")
    answer = order.Answer(metrics={"milliseconds": 0.1})
    cells = [results.Cell(scenario.name, "pywren", 1, 9, answer)]
    [found] = results.verdicts(scenario, results.summarise(scenario, cells))
    assert (found.met, found.measured) == (None, "processpool not measured")


def test_a_median_leaves_out_failed_rounds_and_says_so(
    results: ModuleType, scenarios: ModuleType, bench: ModuleType
) -> None:
    order = importlib.import_module(f"{bench.__name__}.order")
    scenario = scenarios.scenario_named("round-trip")
    answers = [order.Answer(metrics={"milliseconds": value}) for value in (3.0, 1.0, 2.0)]
    answers.append(order.Answer("timeout", "no answer within 5 s"))
    cells = [
        results.Cell(scenario.name, "loky", number, 1_000, answer)
        for number, answer in enumerate(answers)
    ]
    row = results.summarise(scenario, cells)["loky"]
    assert row.spreads == {"milliseconds": results.Spread(2.0, 1.0, 3.0)}
    assert row.trouble == "1 of 4 rounds: timeout: no answer within 5 s"


@pytest.mark.parametrize("name", ["report", "results", "scenarios"])
def test_the_examples_in_docstrings_hold(name: str, bench: ModuleType) -> None:
    found = doctest.testmod(importlib.import_module(f"{bench.__name__}.{name}"))
    assert found.attempted
    assert not found.failed
