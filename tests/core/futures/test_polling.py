"""The monitor's decisions, with plain numbers."""

from __future__ import annotations

import pytest

from pywren.futures._polling import (
    DIRECT_CALLS,
    FIRST_PAUSE,
    is_due,
    next_pause,
    reads_directly,
    request_cost,
)


@pytest.mark.parametrize(
    ("outstanding", "direct"),
    [(1, True), (DIRECT_CALLS, True), (DIRECT_CALLS + 1, False), (1000, False)],
)
def test_few_outstanding_calls_are_read_and_many_are_listed(outstanding: int, direct: bool) -> None:
    assert reads_directly(outstanding) is direct


def test_reading_directly_never_costs_more_than_listing() -> None:
    for outstanding in range(1, 1001):
        if reads_directly(outstanding):
            assert request_cost(0, outstanding) <= request_cost(1, 0)


@pytest.mark.parametrize(
    ("previous", "progress", "cost", "longest", "expected"),
    [
        (0.0, True, 0, 5.0, FIRST_PAUSE),
        (5.0, True, 1, 5.0, FIRST_PAUSE),
        (0.0, False, 1, 5.0, FIRST_PAUSE),
        (1.0, False, 1, 5.0, 1.5),
        (4.0, False, 1, 5.0, 5.0),
        (0.0, True, 10, 5.0, 10 * FIRST_PAUSE),
        (1.0, False, 100, 5.0, 100 * FIRST_PAUSE),
        (0.0, True, 1_000_000, 5.0, 5.0),
        (5.0, False, 1, 0.01, 0.01),
        (1.0, False, 1, 0.0, 0.0),
    ],
)
def test_pauses_grow_without_progress_and_with_cost_up_to_the_longest(
    previous: float, progress: bool, cost: float, longest: float, expected: float
) -> None:
    assert next_pause(previous, progress=progress, cost=cost, longest=longest) == expected


def test_an_hour_without_outcomes_takes_few_looks() -> None:
    pause = elapsed = 0.0
    looks = 0
    while elapsed < 3600:
        pause = next_pause(pause, progress=False, cost=1, longest=5.0)
        elapsed += pause
        looks += 1
    assert looks < 3600 / 5 + 20


@pytest.mark.parametrize(
    ("lost_at", "abandoned", "now", "due"),
    [
        (10.0, False, 9.999, False),
        (10.0, False, 10.0, True),
        (float("inf"), False, 1e12, False),
        (float("inf"), True, 0.0, True),
    ],
)
def test_a_look_is_the_last_from_the_deadline_on_or_when_the_origin_has_ended(
    lost_at: float, abandoned: bool, now: float, due: bool
) -> None:
    assert is_due(lost_at, abandoned, now) is due
