"""Reading what a reference points to, and believing it only if its digest says so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pywren.errors import IntegrityError, StorageKeyError
from pywren.store.records import verify_digest
from pywren.store.retrying import retrying

if TYPE_CHECKING:
    from collections.abc import Callable

    from pywren.protocol import StoreRef
    from pywren.store.interface import Store

__all__ = ["read_reference"]


def read_reference(
    store: Store, ref: StoreRef, *, sleep: Callable[[float], object] = time.sleep
) -> bytes | memoryview:
    """The bytes that `ref` points to, verified by its digest.

    What does not match, is cut short, or is not there yet (some stores lag behind their own
    writes) is read again a few times. Then `IntegrityError`, or `StorageKeyError` if it never
    was there; both name the key.
    """

    def read() -> bytes | memoryview:
        data = store.get(ref.key, offset=ref.offset, size_bytes=ref.size_bytes)
        verify_digest(data, ref.sha256, f"{ref.key} in {store.url}")
        return data

    return retrying(read, again=_may_pass, sleep=sleep)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, IntegrityError | StorageKeyError)
