"""A function as payload: the modules it needs, its pickle, and the arrays it captures.

Segment 0 is the archive of local modules (empty if there are none), segment 1 the pickle, the
others are large buffers. The sha256 of the whole names it: the same function is stored once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from pywren.serialization.pickling import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Bytes = bytes | bytearray | memoryview

__all__ = ["FunctionPayload", "pack_function"]

# The times that file systems keep are not much finer, and calls that are made one right after the
# other need not ask for those of every file again.
_TRUSTED_SECONDS: Final = 0.005


class FunctionPayload(msgspec.Struct, frozen=True):
    """The segments of a packed function and the digest that names them."""

    digest: str
    segments: list[Any]


def pack_function(
    function: Callable[..., object],
    *,
    exclude_modules: Sequence[str] | None = None,
    include_modules: Sequence[str] | None = None,
) -> FunctionPayload:
    """The payload of `function`, with the local modules that it needs.

    Raises `SerializationError` that names what cannot be pickled by the path that leads to it.
    """
    from pywren.serialization.modules import local_modules, pack

    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    pickled = dump(function, f"the function {name!r}")
    modules = local_modules(
        function,
        exclude_modules=tuple(exclude_modules or ()),
        include_modules=tuple(include_modules) if include_modules is not None else None,
        trusted_seconds=_TRUSTED_SECONDS,
    )
    segments: list[Bytes] = [pack(modules), *pickled]
    return FunctionPayload(digest_of(segments), segments)


def digest_of(segments: Sequence[Bytes]) -> str:
    """The sha256 of the frame of `segments`, in hexadecimal."""
    import hashlib

    from pywren.frames import pieces

    digest = hashlib.sha256()
    for piece in pieces(segments):
        digest.update(piece)
    return digest.hexdigest()
