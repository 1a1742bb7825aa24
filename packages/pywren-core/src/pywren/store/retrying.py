"""Doing a thing again while that may help: a bounded number of times, with growing pauses."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TRIES", "pause_before", "retrying"]

TRIES: Final = 4
_FIRST_PAUSE: Final = 0.1
_Answer = TypeVar("_Answer")


def retrying(
    action: Callable[[], _Answer],
    *,
    again: Callable[[Exception], bool],
    sleep: Callable[[float], object] = time.sleep,
    tries: int = TRIES,
) -> _Answer:
    """What `action()` returns, done again while `again(error)` says that this may help.

    The error of the last try is raised as it is.
    """
    for attempt in range(1, tries):
        try:
            return action()
        except Exception as error:  # `again` decides; the others go on up
            if not again(error):
                raise
        sleep(pause_before(attempt + 1, random.random()))
    return action()


def pause_before(attempt: int, luck: float) -> float:
    """Seconds to wait before this attempt (the second is the first that waits).

    Doubled each time; `luck` between 0 and 1 spreads those that failed together.

    >>> [pause_before(attempt, 1.0) for attempt in (2, 3, 4)]
    [0.1, 0.2, 0.4]
    """
    return float(_FIRST_PAUSE * 2 ** (attempt - 2) * (0.5 + luck / 2))
