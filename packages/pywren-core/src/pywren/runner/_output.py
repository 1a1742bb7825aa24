"""What a call writes to stdout and stderr: kept in two files that the child writes to.

Files and not pipes: nobody has to read along, whatever the call starts may outlive it without
holding anything open that someone waits for, and the last bytes are there even if the child dies.
"""

from __future__ import annotations

import os
import sys
from typing import Final

__all__ = ["TAIL_BYTES", "OutputFile", "StandardStream", "out_of_reach"]

TAIL_BYTES: Final = 4096
"""How much of the end of each stream an outcome keeps."""

_ENOUGH_BYTES: Final = 16 * 2**20
_REACH: Final = 100


class OutputFile:
    """One stream's file, opened for appending; works the same in child and supervisor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def create(cls, path: str) -> OutputFile:
        """A new file at `path`, which is gone from the directory at once."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        os.unlink(path)
        return cls(descriptor)

    def take(self) -> bytes:
        """The last bytes written since the last `take`; the file is empty afterwards."""
        size = os.fstat(self.descriptor).st_size
        if not size:
            return b""
        tail = os.pread(self.descriptor, TAIL_BYTES, max(0, size - TAIL_BYTES))
        os.ftruncate(self.descriptor, 0)
        return tail

    def trim(self) -> bool:
        """Keep an endless writer from filling the disk: beyond 16 MiB, only the end is kept.
        Returns whether anything is in the file."""
        size = os.fstat(self.descriptor).st_size
        if size > _ENOUGH_BYTES:
            tail = self.take()
            os.write(self.descriptor, tail)
        return bool(size)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)


class StandardStream:
    """Standard output or error of a child: what a call wrote to it. A call may close it or put
    something else in its place; the next one finds it as it was."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream = getattr(sys, name)
        self._number = self._stream.fileno()
        kept = out_of_reach(os.dup(self._number))
        self._file = OutputFile(kept)
        self._inode = os.fstat(kept).st_ino

    def take(self) -> bytes:
        """The last bytes written since the last `take`."""
        stream = getattr(sys, self._name)
        try:
            stream.flush()
        except Exception:  # noqa: BLE001 - closed, or whatever the call put there
            self._restore()
        if stream is not self._stream or not self._is_ours():
            self._restore()
        return self._file.take()

    def _is_ours(self) -> bool:
        try:
            return os.fstat(self._number).st_ino == self._inode
        except OSError:
            return False

    def _restore(self) -> None:
        os.dup2(self._file.descriptor, self._number)
        if self._stream.closed:
            self._stream = open(self._number, "w", closefd=False)  # noqa: SIM115 - it stays open
            prepare(self._stream)
        setattr(sys, self._name, self._stream)


def prepare(stream: object) -> None:
    """Let a text stream take any text, and pass each line on at once."""
    stream.reconfigure(  # type: ignore[attr-defined]  # a file of this process's own
        encoding="utf-8", errors="backslashreplace", line_buffering=True
    )


def out_of_reach(descriptor: int) -> int:
    """The same descriptor under a number that a call which closes what it finds rarely hits."""
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _REACH)
    os.close(descriptor)
    return moved
