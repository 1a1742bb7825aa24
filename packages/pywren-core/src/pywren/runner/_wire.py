"""Messages between a supervisor and its child process: kind, size, number, body.

To the child: a function it will need, a function it may forget, calls to run. From the child:
that it is ready, and one outcome after the other. Each message leaves at once; when there are
many, the reader finds them together in one read.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CALLS", "DROP", "FUNCTION", "OUTCOME", "READY", "MessageReader", "message"]

FUNCTION: Final = b"F"
DROP: Final = b"X"
CALLS: Final = b"C"
READY: Final = b"R"
OUTCOME: Final = b"O"

_HEADER: Final = struct.Struct("<cIQ")


def message(kind: bytes, body: bytes, number: int = 0) -> bytes:
    """One message; `number` is that of the (first) call it is about."""
    return _HEADER.pack(kind, len(body), number) + body


class MessageReader:
    """Cuts a stream of bytes back into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
        """The messages (kind, number, body) that `data` completes, in order."""
        data = self._rest + data if self._rest else data
        position, end = 0, len(data)
        while end - position >= _HEADER.size:
            kind, size, number = _HEADER.unpack_from(data, position)
            stop = position + _HEADER.size + size
            if stop > end:
                break
            yield kind, number, data[position + _HEADER.size : stop]
            position = stop
        self._rest = data[position:]
