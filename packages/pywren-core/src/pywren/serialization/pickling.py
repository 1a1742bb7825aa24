"""Values to payload segments and back.

A value is pickled by cloudpickle with protocol 5: large buffers (arrays) leave the pickle and
become segments of their own, which nobody copies. Both directions name what cannot travel.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Final

from pywren.errors import SerializationError
from pywren.frames import join, split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Bytes = bytes | bytearray | memoryview

__all__ = ["dump", "dump_frame", "is_bytes", "load", "load_frame", "writable_segments"]

OUT_OF_BAND_BYTES: Final = 4096
"""Buffers from this size on leave the pickle; smaller ones are cheaper inside."""

_BYTES: Final = pickle.dumps((), 5)
"""In place of a pickle: the value is a bytes object, and the only buffer is all of it."""

_PLAIN: Final = frozenset({int, float, str, bytes, bool, type(None)})


def dump(value: object, what: str = "the value") -> list[Bytes]:
    """The payload segments of `value`: its pickle, then its large buffers.

    `what` begins the message of the `SerializationError` that is raised if it cannot be pickled.

    >>> load(dump({"a": [1, 2]}))
    {'a': [1, 2]}
    """
    if type(value) in _PLAIN:  # nothing in these that cloudpickle could do better
        if type(value) is bytes and len(value) >= OUT_OF_BAND_BYTES:
            return [_BYTES, value]
        return [pickle.dumps(value, 5)]
    buffers: list[Bytes] = []

    def stays_inside(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < OUT_OF_BAND_BYTES:
            return True
        buffers.append(view)
        return False

    return [_cloudpickle(value, stays_inside, what), *buffers]


def _cloudpickle(
    value: object, stays_inside: Callable[[pickle.PickleBuffer], bool], what: str
) -> bytes:
    from pywren.serialization.pickler import dumps

    try:
        return dumps(value, stays_inside)
    except Exception as error:  # pickling runs the user's __reduce__, which may raise anything
        raise SerializationError(_why(value, error, what)) from error


def _why(value: object, error: BaseException, what: str) -> str:
    from pywren.serialization.unpicklable import explain_failure

    where = explain_failure(value, error, root="itself")
    reason = f"{type(error).__name__}: {error}"
    return f"{what} cannot be pickled: {where} ({reason})" if where else f"{what}: {reason}"


def dump_frame(value: object, what: str = "the value") -> bytes:
    """The payload frame of `value`, in one piece."""
    return join(dump(value, what))


def load(segments: Sequence[Bytes]) -> Any:
    """The value that `dump` took apart.

    Whatever loading raises is passed on, with a note of what was being rebuilt.
    """
    if is_bytes(segments):
        return segments[1] if isinstance(segments[1], bytes) else bytes(segments[1])
    try:
        # What reaches this line was verified, or came from a worker of this machine's own.
        return pickle.loads(segments[0], buffers=segments[1:])  # noqa: S301
    except Exception as error:
        from pywren.serialization.unloadable import unloadable_part

        part = unloadable_part(segments)
        if part is not None:
            error.add_note(f"while {part} was being rebuilt")
        raise


def is_bytes(segments: Sequence[Bytes]) -> bool:
    """Are these the segments of a large bytes object, which nobody writes to?"""
    return len(segments) == 2 and segments[0] == _BYTES


def load_frame(frame: Bytes) -> Any:
    """The value of a payload frame; its arrays can be written to, as the original's could."""
    return load(writable_segments(frame))


def writable_segments(frame: Bytes) -> list[memoryview]:
    """The segments of a frame, copied if there are buffers and they could not be written to."""
    segments = split(frame)
    if len(segments) > 1 and segments[0].readonly and not is_bytes(segments):
        return split(bytearray(frame))
    return segments
