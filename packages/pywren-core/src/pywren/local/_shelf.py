"""The functions that workers of this machine can have, and the room that they take."""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

from pywren.frames import frame_size, join, pieces
from pywren.protocol import FileRef
from pywren.runner import write_frame_file

if TYPE_CHECKING:
    from pywren.backends import Segments
    from pywren.runner import WorkerPool

__all__ = ["FunctionShelf"]

_INLINE_BYTES: Final = 64 * 1024
_KEPT: Final = 32
_KEPT_BYTES: Final = 2**30


class FunctionShelf:
    """Function payloads by digest. Those that no callset uses stay a while, in case that one
    comes again: 32 of them, and 1 GiB of files."""

    def __init__(self, pool: WorkerPool, directory: str) -> None:
        self._pool = pool
        self._directory = directory
        self._payloads: dict[str, bytes | FileRef] = {}
        self._uses: Counter[str] = Counter()
        self._lock = threading.Lock()

    def hold(self, digest: str, segments: Segments) -> None:
        """Keep a function until `let_go`: small ones are sent to workers, large ones mapped."""
        with self._lock:
            payload = self._payloads.pop(digest, None)
            if payload is None:
                payload = self._payload(digest, segments)
                self._pool.add_function(digest, payload)
            self._payloads[digest] = payload  # now the most recently used
            self._uses[digest] += 1
            self._make_room()

    def let_go(self, digest: str) -> None:
        """One callset less uses the function."""
        with self._lock:
            self._uses[digest] -= 1

    def _payload(self, digest: str, segments: Segments) -> bytes | FileRef:
        if frame_size(segments) <= _INLINE_BYTES:
            return join(segments)
        return write_frame_file(f"{self._directory}/{digest}", list(pieces(segments)))

    def _make_room(self) -> None:
        size = sum(_file_bytes(payload) for payload in self._payloads.values())
        for digest in [digest for digest in self._payloads if not self._uses[digest]]:
            if len(self._payloads) <= _KEPT and size <= _KEPT_BYTES:
                return
            size -= _file_bytes(self._payloads[digest])
            self._remove(digest)

    def _remove(self, digest: str) -> None:
        payload = self._payloads.pop(digest)
        del self._uses[digest]
        self._pool.remove_function(digest)
        if isinstance(payload, FileRef):
            os.unlink(payload.path)


def _file_bytes(payload: bytes | FileRef) -> int:
    return payload.size_bytes if isinstance(payload, FileRef) else 0
