"""A folder as a store: every object is a file, which can be mapped into memory.

Objects appear whole or not at all. The bytes go into a neighbour first, whose name has a `#`
that no key can have; it is then renamed for `put`, and hard-linked for `create`, because a link
fails where a rename would replace. Nothing is synced to the disk: what is stored outlives the
processes, but not a power cut.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pywren.errors import IntegrityError, StorageError, StorageKeyError, StoragePermissionError
from pywren.store.filewriting import link_and_remove, remove_empty, write_beside
from pywren.store.interface import Entry, as_sequence
from pywren.store.keys import check_key, check_listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from pywren.store.interface import Bytes

__all__ = ["FileStore"]

_PAGE: Final = 1000


class FileStore:
    """A `Store` in the folder `root`, which is made when the first object is stored."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __repr__(self) -> str:
        return f"FileStore({str(self._root)!r})"

    @property
    def url(self) -> str:
        return self._root.as_uri()

    def put(self, key: str, pieces: Bytes | Sequence[Bytes]) -> None:
        path = self.local_path(key)
        with self._border("put", key):
            write_beside(path, as_sequence(pieces), os.replace)

    def create(self, key: str, data: bytes) -> bool:
        path = self.local_path(key)
        with self._border("create", key):
            try:
                write_beside(path, [data], link_and_remove)
            except FileExistsError:
                return False
        return True

    def get(self, key: str, *, offset: int = 0, size_bytes: int | None = None) -> bytes:
        path = self.local_path(key)
        with self._border("get", key), open(path, "rb", buffering=0) as file:
            there = os.fstat(file.fileno()).st_size
            wanted = there - offset if size_bytes is None else size_bytes
            if offset + wanted > there or (offset and size_bytes is None and wanted <= 0):
                raise IntegrityError(
                    f"get {key!r} in {self.url}: asked for {size_bytes} bytes from {offset} on, "
                    f"the object has {there}"
                )
            return _read_exactly(file.fileno(), offset, wanted)

    def size_bytes(self, key: str) -> int | None:
        path = self.local_path(key)
        with self._border("size", key):
            try:
                facts = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return facts.st_size if stat.S_ISREG(facts.st_mode) else None

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[Sequence[Entry]]:
        folder = check_listing(prefix, after)
        with self._border("list", prefix):
            entries = _walk(self._root / folder, f"{folder}/" if folder else "", after or "")
            while page := list(islice(entries, _PAGE)):
                yield page

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self.local_path(key)
            with self._border("delete", key):
                path.unlink(missing_ok=True)
                remove_empty(path.parent, self._root)

    def local_path(self, key: str) -> Path:
        return self._root / check_key(key)

    def close(self) -> None:
        """Nothing to let go of."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _border(self, action: str, key: str) -> Iterator[None]:
        """The operating system's errors as ours."""
        try:
            yield
        except StorageError:
            raise
        except (FileNotFoundError, IsADirectoryError) as error:
            if action != "get":
                raise StorageError(f"{action} {key!r} in {self.url}: {_in_words(error)}") from error
            raise StorageKeyError(f"{action}: nothing under {key!r} in {self.url}") from error
        except PermissionError as error:
            raise StoragePermissionError(
                f"{action} {key!r} in {self.url}: this user (uid {os.getuid()}) may not; "
                "change the folder's owner or mode, or choose another folder"
            ) from error
        except OSError as error:
            raise StorageError(f"{action} {key!r} in {self.url}: {_in_words(error)}") from error


def _in_words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room, or choose a store elsewhere"
    if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST):
        return "a key cannot be a folder of other keys here; name the object differently"
    return error.strerror or type(error).__name__


def _read_exactly(file: int, offset: int, size: int) -> bytes:
    data = os.pread(file, size, offset)
    if len(data) == size:  # nearly always: the kernel stops early only above 2 GB
        return data
    parts = [data]
    while size > (done := sum(map(len, parts))):
        part = os.pread(file, size - done, offset + done)
        if not part:
            raise IntegrityError(f"a file of the store became shorter while it was read: {done} B")
        parts.append(part)
    return b"".join(parts)


def _walk(folder: Path, prefix: str, after: str) -> Iterator[Entry]:
    """The objects below `folder` whose keys sort after `after`, in the order of whole keys."""
    for name, item in _sorted_items(folder):
        key = prefix + name
        if name.endswith("/"):
            if key > after or after.startswith(key):
                yield from _walk(Path(item.path), key, after)
        elif key > after and (entry := _entry(key, item)):
            yield entry


def _sorted_items(folder: Path) -> list[tuple[str, os.DirEntry[str]]]:
    """What is in the folder, in key order: there `a-b` sorts before what is in the folder `a`."""
    try:
        with os.scandir(folder) as items:
            named = [
                (f"{item.name}/" if item.is_dir() else item.name, item)
                for item in items
                if "#" not in item.name
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(named, key=lambda pair: pair[0])


def _entry(key: str, item: os.DirEntry[str]) -> Entry | None:
    try:
        facts = item.stat()
    except FileNotFoundError:  # deleted since the folder was read
        return None
    return Entry(key, facts.st_size, facts.st_mtime)
