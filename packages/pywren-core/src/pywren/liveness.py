"""Does the process still live that will bring an outcome?

The calls of a local executor end with the process that made it. It holds a lock on a file for as
long as it lives, which the system lets go however the process ends. Whoever waits for one of its
outcomes elsewhere looks at that lock.
"""

from __future__ import annotations

import fcntl
import os

__all__ = ["has_ended", "is_held", "is_here", "owner_mark"]


def owner_mark(path: str) -> str:
    """What another process must know to ask about the owner of the locked file at `path`."""
    return f"{_machine()}:{path}"


def is_here(mark: str) -> bool:
    """Is the owner a process of this machine, so that its lock can be seen?"""
    return mark.partition(":")[0] == _machine()


def has_ended(mark: str) -> bool:
    """Is the owner known to have ended? False also if it cannot be known: on other machines."""
    return is_here(mark) and not is_held(mark.partition(":")[2])


def is_held(path: str) -> bool:
    """Does somebody hold the lock on the file at `path`? False if there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _machine() -> str:
    return os.uname().nodename
