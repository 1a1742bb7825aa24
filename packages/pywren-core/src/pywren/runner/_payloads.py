"""Payload frames as the child reads them: from the message itself, or mapped from a file."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Any

from pywren.errors import StorageError
from pywren.frames import split
from pywren.protocol import FileRef, Payload
from pywren.serialization.pickling import load, load_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "load_payload",
    "map_file",
    "output_path",
    "segments_of",
    "write_all",
    "write_frame_file",
]


def output_path(directory: str, callset_id: str, call_id: str, attempt: int) -> str:
    """Where a worker process that shares `directory` writes a large output."""
    return f"{directory}/outputs/{callset_id}-{call_id}-{attempt}"


def load_payload(payload: Payload) -> Any:
    """The value in a payload that is inline or in a file."""
    if isinstance(payload, bytes):
        return load_frame(payload)
    return load(segments_of(payload))


def segments_of(payload: Payload) -> list[memoryview]:
    """The segments of a payload that is inline or in a file."""
    if isinstance(payload, bytes):
        return split(payload)
    if isinstance(payload, FileRef):
        return split(map_file(payload))
    raise StorageError(
        f"a worker process reads payloads that are inline or in a file, not {type(payload).__name__}: "
        "its supervisor fetches the others"
    )


def map_file(ref: FileRef) -> memoryview:
    """The bytes of a file, mapped: read when touched, and private to whoever writes to them."""
    with open(ref.path, "rb") as file:
        page = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return memoryview(page)[ref.offset : ref.offset + ref.size_bytes]


def write_frame_file(path: str, pieces: Sequence[bytes | bytearray | memoryview]) -> FileRef:
    """Write the pieces of a frame to a new private file, gathered and not joined.

    If it cannot be written to its end, the file is removed before the error is raised.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    size = 0
    try:
        with open(descriptor, "wb", buffering=0) as file:
            for piece in pieces:
                size += write_all(file.fileno(), memoryview(piece).cast("B"))
    except BaseException:
        os.unlink(path)
        raise
    return FileRef(path, size)


def write_all(descriptor: int, data: bytes | memoryview) -> int:
    """Write all of `data`, in as many writes as it takes. Returns its size in bytes."""
    size = len(data)
    written = os.write(descriptor, data)
    while written < size:
        written += os.write(descriptor, memoryview(data)[written:])
    return size
