"""The decisions of a worker pool, as pure functions of numbers."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["SPAN_SECONDS", "calls_ahead", "fair_share", "mean", "overdue", "worth_stealing"]

SPAN_SECONDS: Final = 0.02
"""A worker is given work ahead for about this long: longer than it takes to bring more."""

_MOST_AHEAD: Final = 2000
_OVERHEAD_SECONDS: Final = 15e-6
_RECENT: Final = 0.1


def calls_ahead(mean_seconds: float | None) -> int:
    """How many calls a worker may hold, running one included, if one takes `mean_seconds`.

    >>> calls_ahead(None), calls_ahead(60.0), calls_ahead(0.001), calls_ahead(0.0)
    (2, 2, 20, 1334)
    """
    if mean_seconds is None:
        return 2
    return max(2, min(_MOST_AHEAD, math.ceil(SPAN_SECONDS / (mean_seconds + _OVERHEAD_SECONDS))))


def mean(previous: float | None, newest: float) -> float:
    """The running mean of call durations, which forgets slowly.

    >>> mean(None, 3.0), mean(2.0, 3.0)
    (3.0, 2.1)
    """
    return newest if previous is None else previous + _RECENT * (newest - previous)


def fair_share(queued: int, workers: int) -> int:
    """How many of the `queued` calls one worker may take at once, so that others get some too.

    >>> fair_share(1, 4), fair_share(10, 4)
    (1, 3)
    """
    return -(-queued // workers)


def overdue(started_at: float, timeout: float, now: float) -> bool:
    """Has a call that started at `started_at` run longer than it may?"""
    return now - started_at > timeout


def worth_stealing(waiting: int) -> int:
    """How many of the calls that wait at a busy worker an idle one should take: half, rounded up.

    >>> worth_stealing(0), worth_stealing(1), worth_stealing(5)
    (0, 1, 3)
    """
    return (waiting + 1) // 2
