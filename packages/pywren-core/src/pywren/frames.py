"""The payload frame: several pieces of bytes as one, each aligned for use in place.

::

    magic   count   size of each segment   pad   segment 0   pad   segment 1   pad ...
    4 B     u32     u64 * count            to 64             to 64

A value is pickled with protocol 5: segment 0 is the pickle, the others are its out-of-band
buffers (arrays), written without a copy. Every segment starts at a multiple of 64 bytes, so that
a frame in a file can be mapped into memory and its arrays used where they lie.

>>> from pywren.frames import join, split
>>> [bytes(segment) for segment in split(join([b"pickle", b"array"]))]
[b'pickle', b'array']
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pywren.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator

    Bytes = bytes | bytearray | memoryview

__all__ = ["ALIGNMENT", "frame_size", "join", "pieces", "segment_places", "split"]

ALIGNMENT: Final = 64
_MAGIC: Final = b"PWF1"
_HEAD: Final = struct.Struct("<4sI")
_SINGLE: Final = struct.Struct("<4sIQ48x")
_ZEROS: Final = bytes(ALIGNMENT)


def _padding(size: int) -> int:
    return -size % ALIGNMENT


def _header(sizes: Sequence[int]) -> bytes:
    head = _HEAD.pack(_MAGIC, len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes)
    return head + _ZEROS[: _padding(len(head))]


def pieces(segments: Sequence[Bytes]) -> Iterator[Bytes]:
    """The frame of `segments`, piece by piece: nothing is copied, for writers that gather."""
    yield _header([_nbytes(segment) for segment in segments])
    last = len(segments) - 1
    for index, segment in enumerate(segments):
        yield segment
        pad = _padding(_nbytes(segment))
        if pad and index != last:
            yield _ZEROS[:pad]


def join(segments: Sequence[Bytes]) -> bytes:
    """The frame of `segments` as one bytes object."""
    if len(segments) == 1:  # most frames
        return _SINGLE.pack(_MAGIC, 1, _nbytes(segments[0])) + segments[0]
    return b"".join(pieces(segments))


def frame_size(segments: Sequence[Bytes]) -> int:
    """How many bytes the frame of `segments` takes."""
    if len(segments) == 1:
        return ALIGNMENT + _nbytes(segments[0])
    return sum(_nbytes(piece) for piece in pieces(segments))


def split(frame: Bytes) -> list[memoryview]:
    """The segments of a frame, as views into it: nothing is copied.

    Raises `IntegrityError` if `frame` is not a whole frame.
    """
    view = memoryview(frame)
    if len(view) >= ALIGNMENT:
        magic, count, size = _SINGLE.unpack_from(view)
        if magic == _MAGIC and count == 1 and ALIGNMENT + size <= len(view):  # most frames
            return [view[ALIGNMENT : ALIGNMENT + size]]
    return [view[start : start + size] for start, size in _places(_read_sizes(view), len(view))]


def segment_places(head: bytes, size_bytes: int) -> list[tuple[int, int]] | None:
    """Where the segments of a frame of `size_bytes` lie (offset, size), from the first bytes of
    it; None if `head` does not hold all their sizes."""
    if len(head) < _HEAD.size:
        return None
    magic, count = _HEAD.unpack_from(head)
    if magic == _MAGIC and _HEAD.size + 8 * count > len(head) < size_bytes:
        return None
    return _places(_read_sizes(memoryview(head)), size_bytes)


def _places(sizes: tuple[int, ...], size_bytes: int) -> list[tuple[int, int]]:
    position = _HEAD.size + 8 * len(sizes)
    places = []
    for size in sizes:
        position += _padding(position)
        places.append((position, size))
        position += size
    if position > size_bytes:
        raise IntegrityError(
            f"a payload frame of {position} bytes was announced, {size_bytes} bytes are here: "
            "it was cut short; run the call again"
        )
    return places


def _read_sizes(view: memoryview) -> tuple[int, ...]:
    if len(view) < _HEAD.size or bytes(view[:4]) != _MAGIC:
        raise IntegrityError(f"expected a payload frame, found {bytes(view[:16])!r}...")
    _, count = _HEAD.unpack_from(view)
    if _HEAD.size + 8 * count > len(view):
        raise IntegrityError(f"a payload frame of {count} segments is cut short in its header")
    return struct.unpack_from(f"<{count}Q", view, _HEAD.size)


def _nbytes(data: Bytes) -> int:
    return data.nbytes if isinstance(data, memoryview) else len(data)
