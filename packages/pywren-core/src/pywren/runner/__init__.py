"""Running calls: a pool of warm child processes under supervision.

The same runner serves every backend: the local one holds a pool in the client's own process, a
Lambda sandbox or an EC2 worker holds one beside its connection to the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywren.runner._payloads import map_file, write_frame_file
    from pywren.runner._pool import WorkerPool
    from pywren.runner._store_runner import StoreRunner

__all__ = ["StoreRunner", "WorkerPool", "map_file", "write_frame_file"]

# The child process imports this package too, and must come up fast: it needs none of these.
_HOMES = {
    "StoreRunner": "pywren.runner._store_runner",
    "WorkerPool": "pywren.runner._pool",
    "map_file": "pywren.runner._payloads",
    "write_frame_file": "pywren.runner._payloads",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'pywren.runner' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value
