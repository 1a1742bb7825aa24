"""Directories of this machine that client and workers share.

A *spool* is one executor's own: functions and inputs too large to send through a socket, outputs
too large to send back. It goes when the executor goes; if the client was killed, the next one
removes it. The *store* is the user's: what must outlive the executor, for futures that were
pickled.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
import weakref
from typing import Final

from pywren.liveness import is_held

__all__ = ["Spool", "local_store_directory"]

_OWNER: Final = "owner"
_LOCKED_BY_THEN_SECONDS: Final = 60.0


def _temporary_directory() -> str:
    named = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - only private directories go in there
    return os.path.abspath(named)


def _prefix() -> str:
    return f"pywren-{os.getuid()}"


class Spool:
    """A fresh private directory, held by a lock for as long as its owner lives."""

    def __init__(self) -> None:
        self.path = f"{_temporary_directory()}/{_prefix()}-{os.urandom(8).hex()}"
        try:
            os.mkdir(self.path, 0o700)
        except OSError as error:
            from pywren.errors import StorageError

            raise StorageError(
                f"a directory for the workers' files cannot be made in {_temporary_directory()} "
                f"({error.strerror}): set TMPDIR to a directory that can be written"
            ) from error
        for name in ("functions", "inputs"):
            os.mkdir(f"{self.path}/{name}", 0o700)
        self._lock = os.open(self.owner_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.process_id = os.getpid()

    @property
    def owner_path(self) -> str:
        """The file that is locked while the owner lives."""
        return f"{self.path}/{_OWNER}"

    def close(self, *, keep_outputs: bool = False) -> None:
        """Remove the directory; with `keep_outputs` what is left in `outputs` stays as long as
        this spool, which the futures of results that nobody has looked at hold."""
        import shutil

        if not keep_outputs:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            return
        weakref.finalize(self, _remove, self.path, self._lock, self.process_id)
        for name in ("functions", "inputs", "modules"):
            shutil.rmtree(f"{self.path}/{name}", ignore_errors=True)


def _remove(path: str, lock: int, process_id: int) -> None:
    import shutil

    if os.getpid() == process_id:  # and not a fork, which knows of it by accident
        shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def remove_abandoned() -> None:
    """Remove the spools of clients of this user that were killed."""
    import shutil

    with os.scandir(_temporary_directory()) as entries:
        spools = [entry.path for entry in entries if entry.name.startswith(f"{_prefix()}-")]
    for path in spools:
        if _is_old(path) and not is_held(f"{path}/{_OWNER}"):
            shutil.rmtree(path, ignore_errors=True)


def _is_old(directory: str) -> bool:
    """Has its owner had the time to lock it?"""
    try:
        found = os.lstat(directory)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and time.time() - found.st_mtime > _LOCKED_BY_THEN_SECONDS


def local_store_directory() -> str:
    """The user's own store on this machine, made if it is not there.

    Raises `StorageError` if somebody else has put something else in its place.
    """
    path = f"{_temporary_directory()}/{_prefix()}"
    if not os.path.lexists(path):
        os.makedirs(path, 0o700, exist_ok=True)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        from pywren.errors import StorageError

        raise StorageError(
            f"{path} should be a directory that only you can use, and is not: remove it, or set "
            "storage.url in the configuration"
        )
    return path
