"""A store on which exactly what a plan says goes wrong, and nothing else.

>>> from pywren.testing import Fault, MemoryStore, SabotagedStore
>>> store = SabotagedStore(MemoryStore(), [Fault("put", "*/data", "error", times=2)])
>>> for _ in range(3):
...     try:
...         store.put("callsets/1/data", b"inputs")
...     except StorageError as error:
...         print(error)
put 'callsets/1/data' in memory://counted: 503 SlowDown (sabotage, attempt 1)
put 'callsets/1/data' in memory://counted: 503 SlowDown (sabotage, attempt 2)
>>> [(done.how, done.attempt) for done in store.injected]
[('error', 1), ('error', 2)]
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

import msgspec

from pywren.errors import StorageError, StorageKeyError
from pywren.store.keys import check_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from pywren.store.interface import Bytes, Entry, Store

__all__ = ["Fault", "Injected", "SabotagedStore", "due"]

Operation = Literal["put", "create", "get", "size_bytes", "list", "delete"]
How = Literal["error", "lost_reply", "truncate", "flip", "stale", "delay"]


class Fault(msgspec.Struct, frozen=True):
    """One line of the plan: what goes wrong, where, and on which attempts.

    Fields:
        operation: the store's method.
        key: a pattern for its key, as in the shell (`*` also matches slashes); for `list` the
            prefix, for `delete` each of its keys.
        how: `error`: nothing is done, `StorageError`. `lost_reply`: it is done, then
            `StorageError`. `stale`: as if the object, or the listed objects, did not exist.
            `truncate`: the last byte is missing. `flip`: one bit in the middle is another.
            `delay`: `seconds` pass first.
        first: the first attempt that is hit; attempts are counted per operation and key.
        times: how many attempts are hit from then on.
        seconds: of a `delay`, handed to the store's `sleep`.
    """

    operation: Operation
    key: str = "*"
    how: How = "error"
    first: int = 1
    times: int = 1
    seconds: float = 0.0


class Injected(msgspec.Struct, frozen=True):
    """What was done to one attempt at one operation."""

    operation: str
    key: str
    attempt: int
    how: How


def due(plan: Sequence[Fault], operation: str, key: str, attempt: int) -> list[Fault]:
    """Which lines of the plan hit this attempt. Pure.

    >>> [fault.how for fault in due([Fault("get", "a*", "flip", first=2)], "get", "ab", 2)]
    ['flip']
    """
    return [
        fault
        for fault in plan
        if fault.operation == operation
        and fault.first <= attempt < fault.first + fault.times
        and fnmatchcase(key, fault.key)
    ]


class SabotagedStore:
    """A `Store` that passes everything on to another one, and harms it as the plan says.

    `injected` lists what was done, in order. Several lines that hit one attempt all take effect.
    """

    def __init__(
        self,
        inner: Store,
        plan: Sequence[Fault],
        *,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.injected: list[Injected] = []
        self._inner = inner
        self._plan = tuple(plan)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._attempts: Counter[tuple[str, str]] = Counter()

    @property
    def url(self) -> str:
        return self._inner.url

    def put(self, key: str, pieces: Bytes | Sequence[Bytes]) -> None:
        after = self._strike("put", key)
        self._inner.put(key, pieces)
        after.lose_reply()

    def create(self, key: str, data: bytes) -> bool:
        after = self._strike("create", key)
        created = self._inner.create(key, data)
        after.lose_reply()
        return created

    def get(
        self, key: str, *, offset: int = 0, size_bytes: int | None = None
    ) -> bytes | memoryview:
        after = self._strike("get", key)
        if "stale" in after.hows:
            raise StorageKeyError(f"{after.where}: nothing is stored there (sabotage)")
        data = self._inner.get(key, offset=offset, size_bytes=size_bytes)
        after.lose_reply()
        return after.damage(data)

    def size_bytes(self, key: str) -> int | None:
        after = self._strike("size_bytes", key)
        size = self._inner.size_bytes(key)
        after.lose_reply()
        return None if "stale" in after.hows else size

    def list(self, prefix: str = "", *, after: str | None = None) -> Iterator[Sequence[Entry]]:
        strike = self._strike("list", prefix)
        pages = iter(()) if "stale" in strike.hows else self._inner.list(prefix, after=after)
        for page in pages:
            yield page
            strike.lose_reply()

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        strikes = [self._strike("delete", key) for key in doomed]
        self._inner.delete(doomed)
        for strike in strikes:
            strike.lose_reply()

    def local_path(self, key: str) -> None:
        check_key(key)  # and None: a file that is mapped goes past the saboteur

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _strike(self, operation: Operation, key: str) -> _Strike:
        """Count the attempt, do what comes before the operation, and return what comes after."""
        with self._lock:
            self._attempts[operation, key] += 1
            attempt = self._attempts[operation, key]
            faults = due(self._plan, operation, key, attempt)
            self.injected += [Injected(operation, key, attempt, fault.how) for fault in faults]
        where = f"{operation} {key!r} in {self.url}"
        strike = _Strike(frozenset(fault.how for fault in faults), where, attempt)
        for fault in faults:
            if fault.how == "delay":
                self._sleep(fault.seconds)
        strike.fail()
        return strike


class _Strike(msgspec.Struct, frozen=True):
    """What befalls one attempt."""

    hows: frozenset[How]
    where: str
    attempt: int

    def fail(self) -> None:
        if "error" in self.hows:
            raise StorageError(f"{self.where}: 503 SlowDown (sabotage, attempt {self.attempt})")

    def lose_reply(self) -> None:
        if "lost_reply" in self.hows:
            raise StorageError(f"{self.where}: reply lost (sabotage, attempt {self.attempt})")

    def damage(self, data: bytes | memoryview) -> bytes | memoryview:
        if "flip" in self.hows and len(data):
            middle = len(data) // 2
            data = b"".join((data[:middle], bytes([data[middle] ^ 1]), data[middle + 1 :]))
        return data[:-1] if "truncate" in self.hows else data
