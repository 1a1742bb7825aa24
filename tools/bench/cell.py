"""One cell, in a process of its own: `python -m bench.cell ORDER`."""

from __future__ import annotations

import sys

from bench.order import Answer, Order
from bench.peers import NotOffered
from bench.scenarios import scenario_named


def main(order: Order) -> None:
    """Run the scenario and write its metrics, or why there are none, to the order's answer file.

    A peer may raise anything; its error is noted and goes on to end this process.
    """
    try:
        order.answer(Answer(metrics=scenario_named(order.scenario).run(order)))
    except NotOffered as reason:
        order.answer(Answer("not offered", str(reason)))
    except Exception as error:
        order.answer(Answer("error", _in_one_line(_first_of(error))))
        raise


def _first_of(error: BaseException) -> BaseException:
    """Return what failed first: closing a peer after its failure may well fail again."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _in_one_line(error: BaseException) -> str:
    lines = str(error).strip().split("\n")
    return f"{type(error).__name__}: {lines[0]}"


if __name__ == "__main__":
    main(Order.from_json(sys.argv[1]))
