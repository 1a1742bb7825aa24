"""What a call writes to stdout and stderr: kept in two files that the child writes to.

Files and not pipes: nobody has to read along, whatever the call starts may outlive it without
holding anything open that someone waits for, and the last bytes are there even if the child dies.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["TAIL_BYTES", "OutputFile"]

TAIL_BYTES: Final = 4096
"""How much of the end of each stream an outcome keeps."""

_ENOUGH_BYTES: Final = 16 * 2**20


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

    def trim(self) -> None:
        """Keep an endless writer from filling the disk: beyond 16 MiB, only the end is kept."""
        if os.fstat(self.descriptor).st_size > _ENOUGH_BYTES:
            tail = self.take()
            os.write(self.descriptor, tail)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)
