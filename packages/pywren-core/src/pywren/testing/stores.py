"""A store for tests: in memory, in plain Python, and it counts what is asked of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from pywren.errors import IntegrityError, StorageKeyError
from pywren.store.interface import Entry, as_sequence
from pywren.store.keys import check_key, check_listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from pywren.store.interface import Bytes

__all__ = ["MemoryStore"]

_PAGE: Final = 1000


class MemoryStore:
    """A `Store` in this process's memory that counts the requests S3 would bill.

    `counts` says how many there were of each kind: `put`, `create`, `get`, `size_bytes`, `list`
    (one per page, and one for an empty listing) and `delete` (one per 1,000 keys). Requests that
    fail count too.

    >>> store = MemoryStore()
    >>> store.put("a", b"1")
    >>> store.create("a", b"2")
    False
    >>> dict(store.counts)
    {'put': 1, 'create': 1}
    """

    def __init__(self, url: str = "memory://counted") -> None:
        self.counts: Counter[str] = Counter()
        self._url = url
        self._lock = threading.Lock()
        self._objects: dict[str, tuple[bytes, float]] = {}

    @property
    def url(self) -> str:
        return self._url

    def put(self, key: str, pieces: Bytes | Sequence[Bytes]) -> None:
        check_key(key)
        data = b"".join(as_sequence(pieces))
        with self._lock:
            self.counts["put"] += 1
            self._objects[key] = (data, time.time())

    def create(self, key: str, data: bytes) -> bool:
        check_key(key)
        with self._lock:
            self.counts["create"] += 1
            if key in self._objects:
                return False
            self._objects[key] = (bytes(data), time.time())
            return True

    def get(self, key: str, *, offset: int = 0, size_bytes: int | None = None) -> bytes:
        check_key(key)
        with self._lock:
            self.counts["get"] += 1
            data = self._find(key)
        end = len(data) if size_bytes is None else offset + size_bytes
        if end > len(data) or (offset and size_bytes is None and offset >= end):
            raise IntegrityError(
                f"get {key!r} in {self._url}: asked for {size_bytes} bytes from {offset} on, "
                f"the object has {len(data)}"
            )
        return data[offset:end]

    def size_bytes(self, key: str) -> int | None:
        check_key(key)
        with self._lock:
            self.counts["size_bytes"] += 1
            found = self._objects.get(key)
        return None if found is None else len(found[0])

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[Sequence[Entry]]:
        folder = check_listing(prefix, after)
        start = f"{folder}/" if folder else ""
        last = after or ""
        while True:
            page, more = self._page(start, last)
            if page:
                yield page
                last = page[-1].key
            if not more:
                return

    def delete(self, keys: Iterable[str]) -> None:
        doomed = [check_key(key) for key in keys]
        with self._lock:
            self.counts["delete"] += -(-len(doomed) // _PAGE)
            for key in doomed:
                self._objects.pop(key, None)

    def local_path(self, key: str) -> None:
        check_key(key)

    def close(self) -> None:
        """Nothing to let go of: what is stored stays as long as the store."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _find(self, key: str) -> bytes:
        try:
            return self._objects[key][0]
        except KeyError:
            raise StorageKeyError(f"get {key!r} in {self._url}: nothing is stored there") from None

    def _page(self, start: str, last: str) -> tuple[Sequence[Entry], bool]:
        """One request of a listing: up to a page of entries, and whether there are more."""
        with self._lock:
            self.counts["list"] += 1
            keys = sorted(key for key in self._objects if key.startswith(start) and key > last)
            found = [(key, *self._objects[key]) for key in keys[:_PAGE]]
        page = [Entry(key, len(data), modified_at) for key, data, modified_at in found]
        return page, len(keys) > _PAGE
