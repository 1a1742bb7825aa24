"""The functions that the benchmark maps.

They live in an importable module because peers that spawn their workers send a function by name.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_HOLD_POLL = 0.02
_HOLD_LIMIT = 900.0


def nothing(item: object) -> object:
    """Return the item: a call that costs nothing but its own transport."""
    return item


def nap(_item: object) -> int:
    """Sleep 50 ms and return the worker's process id: enough of them wake every worker."""
    time.sleep(0.05)
    return os.getpid()


def megabyte(item: int) -> bytes:
    """Return 1,000,000 bytes that differ from call to call."""
    return bytes([item % 256]) * 1_000_000


def load_numpy(_item: object) -> str:
    """Import numpy in the worker, so that its own memory isn't counted as the array's."""
    import numpy

    return str(numpy.__version__)


def first_element(array: Any, item: int) -> float:
    """Look at one element: times the transport of the array, not the reading of it."""
    return float(array[item])


def total(array: Any, _item: int) -> float:
    """Read every page of the array, so that a mapped one counts as resident memory."""
    return float(array.sum())


def closure(function: Callable[[Any, int], float], array: Any) -> Callable[[int], float]:
    """Return a function that captures `array`, as users write it."""

    def captured(item: int) -> float:
        return function(array, item)

    return captured


def bound(function: Callable[[Any, int], float], array: Any) -> Callable[[int], float]:
    """Return a function that carries `array` for peers whose pickle can't take closures."""
    return functools.partial(function, array)


def hold(folder: str) -> int:
    """Occupy a worker while `folder` has a file `held`; leaves a file named after its process.

    Ends by itself after 15 minutes, so that a benchmark that was killed leaves no worker behind.
    """
    place = Path(folder)
    (place / f"worker-{os.getpid()}").touch()
    give_up_at = time.monotonic() + _HOLD_LIMIT
    while (place / "held").exists() and time.monotonic() < give_up_at:
        time.sleep(_HOLD_POLL)
    return os.getpid()
