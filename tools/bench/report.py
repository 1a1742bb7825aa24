"""Tables from results: one per scenario and one of the promises, as text or as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from bench.peers import card_named
from bench.results import Cell, Row, Spread, Verdict, ratio, summarise, verdicts
from bench.scenarios import REFERENCE, Metric, Scenario

_MET = {True: "met", False: "MISSED", None: "-"}


@dataclass(frozen=True)
class Table:
    """A titled table of strings, and lines that belong below it."""

    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str]


def tables(scenarios: Iterable[Scenario], cells: list[Cell]) -> list[Table]:
    """Return the table of promises, then one table per scenario that has cells."""
    judged: list[Verdict] = []
    found: list[Table] = []
    for scenario in scenarios:
        rows = summarise(scenario, cells)
        if rows:
            judged += verdicts(scenario, rows)
            found.append(_scenario_table(scenario, rows))
    return [_promises(judged), *found]


def as_text(machine: dict[str, str], shown: list[Table]) -> str:
    """Return everything for a terminal."""
    width = max(len(name) for name in machine)
    facts = [f"{name:{width}}  {value}" for name, value in machine.items()]
    return "\n".join([*facts, "", *(_text_table(table) for table in shown)])


def as_markdown(machine: dict[str, str], shown: list[Table]) -> str:
    """Return everything as a page for the documentation."""
    facts = [f"- {name}: {value}" for name, value in machine.items()]
    intro = textwrap.fill(
        "Medians over the rounds, with the smallest and largest value in brackets. Every cell ran "
        "in a fresh process, peers in turn. Ratios are to `ProcessPoolExecutor` with forked "
        "workers in the same run; where a peer made fewer calls, they compare times per call.",
        100,
    )
    parts = ["# Speed and memory", intro, "\n".join(facts), *(_markdown(table) for table in shown)]
    return "\n\n".join(parts) + "\n"


def _promises(judged: list[Verdict]) -> Table:
    rows = [[item.scenario, item.text, item.measured, _MET[item.met]] for item in judged]
    return Table("What PyWren promises", ["scenario", "promise", "pywren", ""], rows, [])


def _scenario_table(scenario: Scenario, rows: dict[str, Row]) -> Table:
    header = ["peer", scenario.counted, "rounds"]
    for metric in scenario.metrics:
        header += [metric.title, "ratio"] if metric.compared else [metric.title]
    lines = [_line(scenario, row, rows.get(REFERENCE)) for row in rows.values()]
    notes = [f"{card_named(row.peer).title}: {row.trouble}" for row in rows.values() if row.trouble]
    return Table(f"{scenario.name}: {scenario.title}", header, lines, notes)


def _line(scenario: Scenario, row: Row, reference: Row | None) -> list[str]:
    line = [card_named(row.peer).title, f"{row.calls:,}" if row.spreads else "-", str(row.rounds)]
    for metric in scenario.metrics:
        line.append(_spread(row.spreads.get(metric.name)))
        if metric.compared:
            line.append(_ratio(metric, row, reference))
    return line


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "-"
    if spread.low == spread.high:
        return _number(spread.median)
    return f"{_number(spread.median)} ({_number(spread.low)}-{_number(spread.high)})"


def _ratio(metric: Metric, row: Row, reference: Row | None) -> str:
    times = ratio(metric, row, reference)
    return "-" if times is None else f"{_number(times)}x"


def _number(value: float) -> str:
    """Return about three significant digits, without an exponent.

    >>> [_number(value) for value in (0.12345, 1.2345, 12.345, 1234.5)]
    ['0.123', '1.23', '12.3', '1,234']
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def _text_table(table: Table) -> str:
    lines = [table.header, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.header))]
    shown = [
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    notes = [f"  {note}" for note in table.notes]
    return "\n".join([table.title, "-" * len(table.title), *shown, *notes, ""])


def _markdown(table: Table) -> str:
    lines = [table.header, ["---"] * len(table.header), *table.rows]
    shown = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    notes = ["", *(f"- {note}" for note in table.notes)] if table.notes else []
    return "\n".join([f"## {table.title}", "", *shown, *notes])
