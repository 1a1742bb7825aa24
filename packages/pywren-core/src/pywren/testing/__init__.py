"""For those who test with PyWren, or write a store or a backend for it.

- `MemoryStore`: a store that counts requests.
- `SabotagedStore`, `Fault`, `Injected`: a store on which what a plan says goes wrong.
- `StoreContract`: the tests that every store passes. Subclass it and give it a `store` fixture.
- `StoreBackend`, `Mishap`: a stand-in for a remote service, on which what a plan says goes wrong.
- `BackendContract`: the tests that every backend passes, with an `executor` fixture.

Importing this package imports no test framework.
"""

from __future__ import annotations

from pywren.testing.backend_contract import BackendContract
from pywren.testing.backends import Mishap, StoreBackend
from pywren.testing.saboteur import Fault, Injected, SabotagedStore
from pywren.testing.store_contract import StoreContract
from pywren.testing.stores import MemoryStore

__all__ = [
    "BackendContract",
    "Fault",
    "Injected",
    "MemoryStore",
    "Mishap",
    "SabotagedStore",
    "StoreBackend",
    "StoreContract",
]
