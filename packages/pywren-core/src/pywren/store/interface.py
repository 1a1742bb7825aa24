"""What every store can do: the one seam between PyWren and the places where bytes live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["Bytes", "Entry", "Store", "as_sequence"]

Bytes = bytes | bytearray | memoryview
"""Anything that holds bytes in one contiguous piece of memory."""


def as_sequence(pieces: Bytes | Sequence[Bytes]) -> Sequence[Bytes]:
    """The pieces that `Store.put` takes, also if they are just one."""
    return [pieces] if isinstance(pieces, bytes | bytearray | memoryview) else pieces


class Entry(msgspec.Struct, frozen=True):
    """One object as a listing shows it; `modified_at` is in seconds since 1970."""

    key: str
    size_bytes: int
    modified_at: float


@runtime_checkable
class Store(Protocol):
    """Objects (bytes under a key) below one URL.

    Keys are relative to the store's URL: segments of letters, digits and `-_.=+@,`, separated by
    single slashes; anything else is refused with `ValueError`, by every store alike.

    A store may be used from several threads at once. What it raises is a `StorageError`:
    `StorageKeyError` if there is no such object, `StoragePermissionError` if it says no, plain
    `StorageError` if it is still away after the store's own retries.

    Whoever writes a store proves it with `pywren.testing.StoreContract`.
    """

    @property
    def url(self) -> str:
        """Where the objects are: `open_store(url)` opens the same store again."""
        ...

    def put(self, key: str, pieces: Bytes | Sequence[Bytes]) -> None:
        """Store `pieces`, one after the other, as one object; what was there is replaced.

        A reader sees the old object or the new one, never a part. Several pieces are not joined
        into one copy on the way where the store can help it.
        """
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Store `data` unless the key is taken: of any number of writers, one gets True.

        False says that the key exists. If an earlier try of one's own was stored and only its
        reply was lost, that too is False: the writer has to read back who won.
        """
        ...

    def get(
        self, key: str, *, offset: int = 0, size_bytes: int | None = None
    ) -> bytes | memoryview:
        """The object's bytes: all from `offset` on, or exactly `size_bytes` of them.

        Raises `StorageKeyError` if there is no such object, and `IntegrityError` if the object
        ends before the bytes that were asked for, or before the first of them. Nothing
        (`size_bytes=0`) may be given without looking.
        """
        ...

    def size_bytes(self, key: str) -> int | None:
        """How large the object is; None if there is no such object."""
        ...

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[Sequence[Entry]]:
        """The objects below the folder `prefix`, page by page.

        Objects of one folder come in the order of their keys; how those of its sub-folders come
        in between is the store's own affair, but the same each time.

        `prefix` is made of whole segments, with or without a slash at its end: `a` holds `a/b`
        but not `ab`. Pages hold up to 1,000 entries; no empty page is yielded. With `after`,
        only what comes after that key; among the objects of one folder it need not exist.
        """
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the objects; those that do not exist are passed over."""
        ...

    def local_path(self, key: str) -> Path | None:
        """The file behind the key, to be mapped into memory; None if this store has no files.

        The file need not exist.
        """
        ...

    def close(self) -> None:
        """Let go of connections; twice is fine. `with store:` does it at the end of the block."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
