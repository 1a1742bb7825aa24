"""The ledger: one small page of memory that a supervisor and its child share.

The child gets calls ahead of time, so that it never waits for the next. The ledger is what makes
that harmless. Before the child starts a call it writes down the call's number and the time. So the
supervisor knows, without asking, which call is running and for how long, which one to blame when
the child dies, and which ones never began. And it can take back what has not begun, to give it
to an idle worker or to cancel it, even while the child is deep in the user's code.

A lock on the file makes "start this one" and "take back the rest" exclude each other.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from typing import Final, NamedTuple

__all__ = ["Ledger", "Progress"]

_PROGRESS: Final = struct.Struct("<Qd")  # number of the call last started, when
_VOID: Final = struct.Struct("<QQ")  # numbers that were taken back: first, last
_VOID_AT: Final = 64
_SIZE: Final = 4096


class Progress(NamedTuple):
    """The call last started: its number (0: none yet) and when, by the monotonic clock."""

    number: int
    started_at: float


class Ledger:
    """Both sides open the same file: the supervisor by `create`, the child by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._page = mmap.mmap(descriptor, _SIZE)

    @classmethod
    def create(cls, path: str) -> Ledger:
        """A new ledger in a file at `path`, which is gone from the directory at once."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.unlink(path)
            # Written, not only sized: on a full disk that fails here, where it can be told. A
            # page without room behind it would end whoever touches it by a SIGBUS.
            os.write(descriptor, bytes(_SIZE))
            return cls(descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def claim(self, number: int, now: float) -> bool:
        """The child starts call `number`; False if it was taken back."""
        fcntl.lockf(self.descriptor, fcntl.LOCK_EX)
        first, last = _VOID.unpack_from(self._page, _VOID_AT)
        free = not first <= number <= last
        if free:
            _PROGRESS.pack_into(self._page, 0, number, now)
        fcntl.lockf(self.descriptor, fcntl.LOCK_UN)
        return free

    def take_back(self, after: int, last: int) -> int:
        """The supervisor takes back all calls up to `last` that have not been started, but none
        up to `after`. Returns the number of the last call that stays with the child.

        While the child has not passed what was taken back before, everything goes: the page
        holds one range.
        """
        fcntl.lockf(self.descriptor, fcntl.LOCK_EX)
        started, _ = _PROGRESS.unpack_from(self._page, 0)
        _, void_before = _VOID.unpack_from(self._page, _VOID_AT)
        stays = started if started < void_before else max(started, after)
        _VOID.pack_into(self._page, _VOID_AT, stays + 1, last)
        fcntl.lockf(self.descriptor, fcntl.LOCK_UN)
        return int(stays)

    def progress(self) -> Progress:
        """What the child started last."""
        return Progress(*_PROGRESS.unpack_from(self._page, 0))

    def close(self) -> None:
        """Give the memory and the descriptor back."""
        self._page.close()
        os.close(self.descriptor)
