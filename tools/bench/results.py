"""What the cells gave, and the arithmetic on it: medians, ratios, verdicts. Pure functions."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from bench.order import Answer
from bench.scenarios import Metric, Scenario, Target

OURS = "pywren"


@dataclass(frozen=True)
class Cell:
    """One scenario with one peer in one round, and what became of it."""

    scenario: str
    peer: str
    round: int
    calls: int
    answer: Answer


@dataclass(frozen=True)
class Spread:
    """The median of a metric over the rounds, and its smallest and largest value."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One peer in one scenario, all rounds together.

    `trouble` says what failed and how often, empty when every round was measured.
    """

    peer: str
    calls: int
    rounds: int
    spreads: dict[str, Spread]
    trouble: str


@dataclass(frozen=True)
class Verdict:
    """A promise and what was measured; `met` is None when there is nothing to compare."""

    scenario: str
    text: str
    measured: str
    met: bool | None


def summarise(scenario: Scenario, cells: Iterable[Cell]) -> dict[str, Row]:
    """Return a row per peer of the scenario that has a cell, in the scenario's order of peers."""
    own = [cell for cell in cells if cell.scenario == scenario.name]
    rows = {}
    for peer in scenario.peers:
        of_peer = [cell for cell in own if cell.peer == peer]
        if of_peer:
            rows[peer] = _row(scenario, of_peer)
    return rows


def ratio(metric: Metric, row: Row, reference: Row | None) -> float | None:
    """Return how many times the reference's value the row's is; None where either is missing.

    >>> seconds = Metric("seconds", "time, s", per_call=True)
    >>> few = Row("lithops", 100, 1, {"seconds": Spread(20, 20, 20)}, "")
    >>> many = Row("processpool", 10_000, 1, {"seconds": Spread(1, 1, 1)}, "")
    >>> ratio(seconds, few, many)
    2000.0
    """
    if reference is None:
        return None
    value, base = _comparable(metric, row), _comparable(metric, reference)
    return value / base if value is not None and base else None


def verdicts(scenario: Scenario, rows: dict[str, Row]) -> list[Verdict]:
    """Return one verdict per target of the scenario on PyWren's row."""
    return [
        _verdict(scenario, metric, target, rows)
        for metric in scenario.metrics
        for target in metric.targets
    ]


def _row(scenario: Scenario, cells: list[Cell]) -> Row:
    good = [cell for cell in cells if cell.answer.status == "ok"]
    spreads = {
        metric.name: _spread([cell.answer.metrics[metric.name] for cell in good])
        for metric in scenario.metrics
        if good
    }
    return Row(cells[0].peer, cells[0].calls, len(good), spreads, _trouble(cells, len(good)))


def _spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def _trouble(cells: list[Cell], good: int) -> str:
    bad = [cell for cell in cells if cell.answer.status != "ok"]
    if not bad:
        return ""
    said = f"{bad[0].answer.status}: {bad[0].answer.reason}"
    return f"{len(bad)} of {len(cells)} rounds: {said}" if good else said


def _comparable(metric: Metric, row: Row) -> float | None:
    spread = row.spreads.get(metric.name)
    if spread is None:
        return None
    return spread.median / row.calls if metric.per_call else spread.median


def _verdict(scenario: Scenario, metric: Metric, target: Target, rows: dict[str, Row]) -> Verdict:
    ours = rows.get(OURS)
    if ours is None or metric.name not in ours.spreads:
        return Verdict(scenario.name, target.text, "not measured", None)
    if not target.against:
        value = ours.spreads[metric.name].median
        return Verdict(scenario.name, target.text, f"{value:,.3g}", value <= target.limit)
    times = ratio(metric, ours, rows.get(target.against))
    if times is None:
        return Verdict(scenario.name, target.text, f"{target.against} not measured", None)
    return Verdict(scenario.name, target.text, f"{times:.3g}x", times <= target.limit)
