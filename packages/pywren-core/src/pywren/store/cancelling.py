"""The cancel object: how a client tells workers, through the store, which calls to stop.

Workers look for it before they start what has waited, and every few seconds while calls run. It
names calls, or none, which means the whole callset. It can stop work, and nothing else.

>>> from pywren.store import open_store
>>> store = open_store("memory://cancelling")
>>> cancel_calls(store, "c0ffee", ["00001"])
>>> read_cancelled(store, "c0ffee")("00001"), read_cancelled(store, "c0ffee")("00002")
(True, False)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pywren.errors import StorageKeyError
from pywren.store.layout import cancel_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pywren.store.interface import Store

__all__ = ["cancel_calls", "read_cancelled"]


class _Cancelled(msgspec.Struct, frozen=True):
    """The object's content, as JSON; `call_ids` absent: all calls."""

    call_ids: frozenset[str] | None = None


def cancel_calls(store: Store, callset_id: str, call_ids: Collection[str] | None = None) -> None:
    """Ask workers to stop calls of the callset; all of them if `call_ids` is None.

    Calls named before stay cancelled. Two clients that do this to the same callset in the same
    moment may lose the words of one: its calls then run to their end, and nobody waits for them.
    """
    named = None if call_ids is None else frozenset(call_ids)
    before = _read(store, callset_id)
    if before is not None and named is not None:
        named = None if before.call_ids is None else before.call_ids | named
    store.put(cancel_key(callset_id), msgspec.json.encode(_Cancelled(named)))


def read_cancelled(store: Store, callset_id: str) -> Callable[[str], bool]:
    """Is a call cancelled? As a function of its id, from one look into the store."""
    found = _read(store, callset_id)
    if found is None:
        return lambda call_id: False
    named = found.call_ids
    return lambda call_id: named is None or call_id in named


def _read(store: Store, callset_id: str) -> _Cancelled | None:
    try:
        data = store.get(cancel_key(callset_id))
    except StorageKeyError:
        return None
    try:
        return msgspec.json.decode(data, type=_Cancelled)
    except msgspec.MsgspecError:  # present, whatever it says: the callset is cancelled
        return _Cancelled()
