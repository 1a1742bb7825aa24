"""How many workers: what was asked for, or what this machine has."""

from __future__ import annotations

import os

__all__ = ["worker_count"]


def worker_count(workers: int | None) -> int:
    """`workers` if it is a number of workers, and if it is None one per core; inside a call, one.

    Raises `ConfigError` if it is neither.
    """
    if workers is None:
        # A call that maps has a core already; its own workers must not multiply.
        nested = os.environ.get("PYWREN_NESTING", "0") != "0"
        return 1 if nested else _cores()
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        from pywren.errors import ConfigError

        raise ConfigError(f"workers: expected a whole number above 0, found {workers!r}")
    return workers


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
