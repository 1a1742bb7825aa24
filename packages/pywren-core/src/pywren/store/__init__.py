"""Where functions, inputs and outcomes live: one interface to object stores, opened by URL.

>>> from pywren.store import open_store
>>> with open_store("memory://example") as store:
...     store.put("greetings/first", b"hello")
...     bytes(store.get("greetings/first"))
b'hello'

`Store` is the interface, `layout` the keys, `records` the signed outcome records and `commit`
the rule that the first writer of an outcome wins.
"""

from __future__ import annotations

from pywren.store.interface import Bytes, Entry, Store
from pywren.store.opening import open_store

__all__ = ["Bytes", "Entry", "Store", "open_store"]
