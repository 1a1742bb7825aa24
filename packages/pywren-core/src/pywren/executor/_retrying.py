"""When a call is sent again: the decision and the pause, as pure functions."""

from __future__ import annotations

from typing import Final

from pywren.protocol import Outcome, OutcomeKind

__all__ = ["is_infrastructure_failure", "pause_seconds"]

_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 20.0


def is_infrastructure_failure(outcome: Outcome) -> bool:
    """Could the same call do better elsewhere?

    Yes if its worker was lost, could not reach the store, or was killed by a signal that nobody
    here sent. No if the function itself raised, exited, ran too long or needed too much memory.
    """
    if outcome.kind is OutcomeKind.CRASHED:
        return outcome.signal is not None
    return outcome.kind in (OutcomeKind.LOST, OutcomeKind.UNAVAILABLE)


def pause_seconds(attempt: int, chance: float) -> float:
    """How long to wait after failed attempt number `attempt` (from 1); `chance` is between 0
    and 1, so that many calls that failed together do not come back together.

    >>> [pause_seconds(attempt, 1.0) for attempt in (1, 2, 3, 20)]
    [0.2, 0.4, 0.8, 20.0]
    """
    doubled = _FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1)
    longest = min(_LONGEST_PAUSE_SECONDS, doubled)
    return longest * (0.5 + 0.5 * chance)
