"""Memory of processes, from Linux's /proc.

The sum over a process tree counts each process's proportional share (PSS): a page that several
processes map counts once in all. Pages of files that no process maps aren't counted.
Run as a module, `python -m bench.memory PID`, it watches a process tree from outside: it says
`ready`, samples until its standard input closes, and prints the peak in bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import descendants

_EVERY = 0.01


class Unmeasurable(RuntimeError):
    """This system doesn't tell what a process's memory is."""


class Peak:
    """The largest sum seen so far, in bytes; complete when the `with` block has ended."""

    size_bytes: int = 0


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    return _field(Path("/proc/self/smaps_rollup"), "Rss:")


def tree_bytes(root: int, without: int = 0) -> int:
    """Return the PSS of `root` and all processes below it, except `without`."""
    members = [pid for pid in (root, *descendants(root)) if pid != without]
    return sum(_share_of(pid) for pid in members)


@contextmanager
def peak_of_tree(root: int) -> Iterator[Peak]:
    """Watch `root` and its descendants during the block, every 10 ms, from another process."""
    peak = Peak()
    command = [sys.executable, "-m", "bench.memory", str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as watcher:
        assert watcher.stdin is not None and watcher.stdout is not None
        watcher.stdout.readline()
        yield peak
        watcher.stdin.close()
        peak.size_bytes = int(watcher.stdout.read())


def _share_of(pid: int) -> int:
    try:
        return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")
    except Unmeasurable:
        return 0  # the process ended between the listing and the reading


def _field(file: Path, name: str) -> int:
    """Return a size from a `smaps_rollup` file in bytes."""
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise Unmeasurable(f"needs Linux's {file}: {error}") from error
    for line in lines:
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise Unmeasurable(f"no {name} in {file}")


def _watch(root: int) -> int:
    """Sample until standard input closes; return the peak in bytes."""
    done = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        done.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    peak = 0
    while not done.wait(_EVERY):
        peak = max(peak, tree_bytes(root, without=os.getpid()))
    return max(peak, tree_bytes(root, without=os.getpid()))


if __name__ == "__main__":
    print("ready", flush=True)
    print(_watch(int(sys.argv[1])))
