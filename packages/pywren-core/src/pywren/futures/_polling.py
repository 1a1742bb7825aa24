"""The decisions of a monitor, as pure functions of numbers: when to look, where, and when to stop
hoping."""

from __future__ import annotations

from typing import Final

__all__ = [
    "DIRECT_CALLS",
    "FIRST_PAUSE",
    "LOCAL_PAUSE",
    "is_due",
    "next_pause",
    "reads_directly",
    "request_cost",
]

FIRST_PAUSE: Final = 0.03
"""Seconds until the next look when calls were just sent or outcomes just came; and how long to
pause for each listing that a look takes."""

LOCAL_PAUSE: Final = 0.2
"""The longest pause where a look costs nothing: in a folder of this machine."""

DIRECT_CALLS: Final = 12
"""A request that lists costs as much as this many that read (S3: $5.00 and $0.40 a million)."""

_GROWTH: Final = 1.5


def reads_directly(outstanding: int) -> bool:
    """Read the records of so many outstanding calls of a block without asking whether they are
    there? It costs no more than to list the block, and saves the time for that.

    >>> reads_directly(1), reads_directly(12), reads_directly(13)
    (True, True, False)
    """
    return outstanding <= DIRECT_CALLS


def request_cost(lists: int, reads: int) -> float:
    """What a look asks of the store, in listings.

    >>> request_cost(2, 6)
    2.5
    """
    return lists + reads / DIRECT_CALLS


def next_pause(previous: float, *, progress: bool, cost: float, longest: float) -> float:
    """Seconds from the end of one look to the next.

    Short after calls were sent or outcomes came, then longer and longer, up to `longest`. A look
    that costs many requests is never repeated so soon: on the average there is one listing in
    `FIRST_PAUSE`, however many calls are outstanding.

    >>> next_pause(1.0, progress=True, cost=1, longest=5.0)
    0.03
    >>> next_pause(1.0, progress=False, cost=1, longest=5.0)
    1.5
    >>> next_pause(0.03, progress=True, cost=100, longest=5.0)
    3.0
    """
    shortest = FIRST_PAUSE * max(1.0, cost)
    wanted = shortest if progress else max(shortest, previous * _GROWTH)
    return min(wanted, longest)


def is_due(lost_at: float, abandoned: bool, now: float) -> bool:
    """Is a look that begins `now` the last for a call that counts as lost at `lost_at`, or whose
    origin has ended?

    >>> is_due(10.0, False, 9.9), is_due(10.0, False, 10.0), is_due(10.0, True, 0.0)
    (False, True, True)
    """
    return abandoned or now >= lost_at
