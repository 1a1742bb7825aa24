"""The options of the benchmark."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.machine import describe
from bench.peers import CARDS, card_named
from bench.report import as_markdown, as_text, tables
from bench.results import Cell
from bench.rounds import Plan, run_plan
from bench.scenarios import SCENARIOS

_SCENARIOS = [scenario.name for scenario in SCENARIOS]
_PEERS = [card.name for card in CARDS]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its tables; return the exit code.

    The code is 1 when a cell of PyWren failed: missed promises are shown, not punished, because
    figures of a busy machine are no test.
    """
    options = _parser().parse_args(arguments)
    # Ended from outside, it ends its cells: without this, SIGTERM skips every `finally`.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    plan = _plan(options)
    machine = describe(plan.workers, _command(plan, options))
    cells: list[Cell] = []
    try:
        for cell in run_plan(plan):
            cells.append(cell)  # first: what was told of is shown, even if the end comes now
            _tell(cell)
    finally:  # ended early, it shows what it has
        _write(options, machine, cells)
    return int(any(cell.peer == "pywren" and cell.answer.status != "ok" for cell in cells))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="PyWren beside its peers.")
    add = parser.add_argument
    add("--only", nargs="+", choices=_SCENARIOS, default=_SCENARIOS, help="these scenarios")
    add("--peers", nargs="+", choices=_PEERS, default=_PEERS, help="these peers")
    add("--workers", type=int, default=2, help="worker processes of each peer (default: 2)")
    add("--repeat", type=int, default=3, help="rounds (default: 3)")
    add("--quick", action="store_true", help="a tenth of the calls and one round")
    add("--slow", action="store_true", help="full scale for slow peers too; takes hours")
    add("--calls", type=int, metavar="N", help="at most N calls in every scenario")
    add("--timeout", type=float, default=300, help="seconds for one cell (default: 300)")
    add("--json", type=Path, metavar="FILE", help="write every single value")
    add("--markdown", type=Path, metavar="FILE", help="write the tables for the documentation")
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        scenarios=tuple(scenario for scenario in SCENARIOS if scenario.name in options.only),
        peers=tuple(options.peers),
        workers=options.workers,
        rounds=1 if options.quick else options.repeat,
        quick=options.quick,
        slow=options.slow,
        most=options.calls,
        timeout=options.timeout,
    )


def _command(plan: Plan, options: argparse.Namespace) -> str:
    """Return the command that gives these figures again, without the places of its output."""
    words = ["hatch run bench", f"--workers {plan.workers}", f"--repeat {plan.rounds}"]
    words += ["--quick"] if plan.quick else []
    words += ["--slow"] if plan.slow else []
    words += [f"--calls {plan.most}"] if plan.most else []
    for option, every in (("only", _SCENARIOS), ("peers", _PEERS)):
        chosen = getattr(options, option)
        words += [f"--{option} {' '.join(chosen)}"] if list(chosen) != every else []
    return " ".join(words)


def _tell(cell: Cell) -> None:
    """Say on standard error how a cell ended, so that a long run is seen to move."""
    values = "  ".join(f"{name} {value:,.4g}" for name, value in cell.answer.metrics.items())
    said = values or f"{cell.answer.status}: {cell.answer.reason}"
    where = f"{cell.scenario:<15} {card_named(cell.peer).name:<18} {cell.calls:>7,}"
    print(f"{where}  {said}", file=sys.stderr, flush=True)


def _write(options: argparse.Namespace, machine: dict[str, str], cells: list[Cell]) -> None:
    shown = tables(SCENARIOS, cells)
    print(as_text(machine, shown))
    if options.markdown:
        options.markdown.write_text(as_markdown(machine, shown))
    if options.json:
        document = {"machine": machine, "cells": [asdict(cell) for cell in cells]}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
