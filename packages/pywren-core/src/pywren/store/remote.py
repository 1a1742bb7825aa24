"""Stores behind obstore: S3 and whatever speaks its language, and memory.

obstore retries a request by itself: server errors and lost connections, with growing pauses and
within a total time (see `opening`). Retried here is what it leaves: a body or a page of a listing
that breaks off, a conditional write whose connection broke, and one that met another (409, which
obstore takes for "exists already").
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

from pywren.errors import IntegrityError
from pywren.store.foreign_errors import InterruptedRequest, foreign_errors, says_conflict
from pywren.store.interface import Entry, as_sequence
from pywren.store.keys import check_key, check_listing
from pywren.store.retrying import TRIES, pause_before, retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore

    from pywren.store.interface import Bytes

__all__ = ["RemoteStore"]

_Answer = TypeVar("_Answer")

_PAGE: Final = 1000
_SINGLE_PUT_BYTES: Final = 32 << 20  # up to here one request, above it parts side by side
_PART_BYTES: Final = 16 << 20  # S3 allows 10,000 parts: objects of up to 160 GB


class RemoteStore:
    """A `Store` over one of obstore's; `open_store` builds the latter."""

    def __init__(
        self, url: str, inner: ObjectStore, *, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._url = url
        self._inner = inner
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"RemoteStore({self._url!r})"

    @property
    def url(self) -> str:
        return self._url

    def put(self, key: str, pieces: Bytes | Sequence[Bytes]) -> None:
        import obstore

        check_key(key)
        parts = [memoryview(piece).cast("B") for piece in as_sequence(pieces)]
        large = sum(map(len, parts)) > _SINGLE_PUT_BYTES
        with foreign_errors("put", key, self._url):
            obstore.put(self._inner, key, parts, use_multipart=large, chunk_size=_PART_BYTES)

    def create(self, key: str, data: bytes) -> bool:
        check_key(key)
        return self._retrying(lambda: self._create_once(key, data))

    def get(self, key: str, *, offset: int = 0, size_bytes: int | None = None) -> memoryview:
        check_key(key)
        if size_bytes == 0:
            return memoryview(b"")
        end = None if size_bytes is None else offset + size_bytes
        return self._retrying(lambda: self._get_once(key, offset, end))

    def size_bytes(self, key: str) -> int | None:
        import obstore

        check_key(key)
        with foreign_errors("size", key, self._url):
            try:
                return obstore.head(self._inner, key)["size"]
            except FileNotFoundError:
                return None

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[Sequence[Entry]]:
        folder = check_listing(prefix, after)
        failures = 0
        while True:
            try:
                for page in self._pages(folder, after):
                    failures = 0
                    after = page[-1].key
                    yield page
            except InterruptedRequest:
                failures += 1
                if failures == TRIES:
                    raise
                self._sleep(pause_before(failures + 1, 1.0))
            else:
                return

    def delete(self, keys: Iterable[str]) -> None:
        import obstore

        paths = [check_key(key) for key in keys]
        for start in range(0, len(paths), _PAGE):
            batch = paths[start : start + _PAGE]
            with foreign_errors("delete", batch[0], self._url):
                obstore.delete(self._inner, batch)

    def local_path(self, key: str) -> None:
        check_key(key)

    def close(self) -> None:
        """Nothing to do: obstore closes its connections with the last reference to it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _retrying(self, action: Callable[[], _Answer]) -> _Answer:
        return retrying(
            action, again=lambda error: isinstance(error, InterruptedRequest), sleep=self._sleep
        )

    def _create_once(self, key: str, data: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with foreign_errors("create", key, self._url):
            try:
                obstore.put(self._inner, key, data, mode="create", use_multipart=False)
            except AlreadyExistsError as error:
                if says_conflict(error):
                    raise
                return False
        return True

    def _get_once(self, key: str, offset: int, end: int | None) -> memoryview:
        import obstore

        options: GetOptions = {}
        if end is not None:
            options["range"] = (offset, end)
        elif offset:
            options["range"] = {"offset": offset}
        with foreign_errors("get", key, self._url):
            answer = obstore.get(self._inner, key, options=options)
            there = answer.meta["size"]
            body = memoryview(answer.bytes())
        self._check_complete(key, offset, end, there, len(body))
        return body

    def _check_complete(
        self, key: str, offset: int, end: int | None, there: int, received: int
    ) -> None:
        where = f"get {key!r} in {self._url}"
        if (there if end is None else end) > there:
            raise IntegrityError(
                f"{where}: asked for the bytes from {offset} to {end}, the object has {there}"
            )
        expected = (there if end is None else end) - offset
        if received != expected:
            raise InterruptedRequest(f"{where}: {expected} bytes announced, {received} received")

    def _pages(self, folder: str, after: str | None) -> Iterator[Sequence[Entry]]:
        import obstore

        with foreign_errors("list", folder, self._url):
            for page in obstore.list(self._inner, folder or None, offset=after, chunk_size=_PAGE):
                if page:
                    yield [_entry(meta) for meta in page]


def _entry(meta: ObjectMeta) -> Entry:
    return Entry(meta["path"], meta["size"], meta["last_modified"].timestamp())
