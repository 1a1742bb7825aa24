"""Which processes belong to a cell, and the end of those it leaves behind (Linux's /proc)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_GRACE = 2.0


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, on Linux.

    Without it a daemon that a peer starts in the background would drop out of the process tree,
    and with it out of the memory that is measured.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int) -> list[int]:
    """Return the process ids below `root`, without `root`; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        parent = _parent_in(stat)
        if parent is not None:
            children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _parent_in(stat: Path) -> int | None:
    """Return the parent's id from a `stat` file, None if the process has ended meanwhile."""
    try:
        text = stat.read_text()
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[1])


def end_stragglers() -> None:
    """End every process below this one and collect it: asked first, then killed after 2 s."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in descendants(os.getpid()):
            _signal(pid, number)
        give_up_at = time.monotonic() + _GRACE
        while _children_run() and time.monotonic() < give_up_at:
            time.sleep(0.01)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended by itself meanwhile


def _children_run() -> bool:
    """Collect the children that have ended; say whether any still runs."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
