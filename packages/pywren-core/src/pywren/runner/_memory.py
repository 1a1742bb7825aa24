"""How much memory a process holds, and the most it ever held, as the operating system tells."""

from __future__ import annotations

import os
import sys

__all__ = ["PeakMemory", "resident_bytes"]

_GROWTH_BYTES = 2**20


class PeakMemory:
    """The highest resident size of this process during the current call.

    On Linux the kernel's mark is lowered again after a call that raised it; elsewhere the mark
    is that of the process's whole life.
    """

    def __init__(self) -> None:
        self._linux = sys.platform == "linux"
        self._known = 0

    def read(self, run_seconds: float) -> int:
        """Bytes. A call shorter than a millisecond is told the last known figure: reading the
        mark would take longer than the call."""
        if self._known and run_seconds < 1e-3:
            return self._known
        self._known = self._linux_mark() if self._linux else _lifetime_mark()
        return self._known

    def _linux_mark(self) -> int:
        with open("/proc/self/status", "rb") as status:
            text = status.read()
        mark = _kilobytes(text, b"VmHWM:")
        if mark - _kilobytes(text, b"VmRSS:") > _GROWTH_BYTES:
            _lower_mark()
        return mark


def _kilobytes(status: bytes, field: bytes) -> int:
    _, _, rest = status.partition(field)
    return int(rest.split(None, 1)[0]) * 1024 if rest else 0


def _lower_mark() -> None:
    try:
        with open("/proc/self/clear_refs", "wb") as marks:
            marks.write(b"5")
    except OSError:  # not allowed here: the mark stays that of the whole life
        return


def _lifetime_mark() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def resident_bytes(process_id: int) -> int | None:
    """The resident size of another process, or None where that cannot be told."""
    try:
        with open(f"/proc/{process_id}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return None
