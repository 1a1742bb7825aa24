"""Outputs, from wherever they are: in the outcome, in a file of this machine, in the store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from pywren.errors import StorageError
from pywren.frames import segment_places
from pywren.protocol import FileRef, Outcome
from pywren.serialization.pickling import is_bytes, writable_segments

if TYPE_CHECKING:
    from io import FileIO

    from pywren.backends import Segments
    from pywren.store import Store

__all__ = ["inline_output", "read_output", "remove_file"]

_HEAD_BYTES = 4096


def read_output(outcome: Outcome, store: Store | None, store_url: str) -> Segments:
    """The segments of an outcome's output; its buffers can be written to."""
    output = outcome.output
    if isinstance(output, bytes):
        return writable_segments(output)
    if isinstance(output, FileRef):
        return _read_file(output, outcome)
    from pywren.store import open_store
    from pywren.store.commit import read_output as read_stored

    return writable_segments(read_stored(store or open_store(store_url), outcome))


def _read_file(ref: FileRef, outcome: Outcome) -> Segments:
    """Read, and not mapped: a mapping keeps a descriptor open, and results may be many."""
    try:
        with open(ref.path, "rb", buffering=0) as file:
            return _read_segments(file, ref.size_bytes)
    except FileNotFoundError as error:
        raise StorageError(
            f"the output of call {outcome.call_id} of callset {outcome.callset_id[:8]} is gone: "
            "it was removed with the executor that ran it"
        ) from error


def _read_segments(file: FileIO, size_bytes: int) -> Segments:
    places = segment_places(file.read(_HEAD_BYTES), size_bytes)
    if places is None:  # so many segments that their sizes fill more than the first page
        return writable_segments(_read_buffer(file, 0, size_bytes))
    (offset, size), *others = places
    first = bytes(_read_buffer(file, offset, size))
    if is_bytes([first, *[b""] * len(others)]):
        return [first, _read_bytes(file, *others[0])]
    return [first, *[_read_buffer(file, offset, size) for offset, size in others]]


def _read_buffer(file: FileIO, offset: int, size: int) -> bytearray:
    buffer = bytearray(size)
    view = memoryview(buffer)
    file.seek(offset)
    while view:  # one read brings 2 GiB at most
        view = view[file.readinto(view) :]
    return buffer


def _read_bytes(file: FileIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    whole = file.read(size)  # without the copy that a buffer would take
    return whole if len(whole) == size else bytes(_read_buffer(file, offset, size))


def remove_file(ref: FileRef) -> None:
    """Remove a file that may be gone already."""
    try:
        os.unlink(ref.path)
    except FileNotFoundError:
        return


def inline_output(outcome: Outcome) -> Outcome:
    """The same outcome without a reference to a file of this machine."""
    if not isinstance(outcome.output, FileRef):
        return outcome
    with open(outcome.output.path, "rb") as file:
        return msgspec.structs.replace(outcome, output=file.read())
