"""Running calls: a pool of warm child processes under supervision.

The same runner serves every backend: the local one holds a pool in the client's own process, a
Lambda sandbox or an EC2 worker holds one beside its connection to the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pywren.runner._payloads import map_file, write_frame_file
from pywren.runner._pool import WorkerPool

if TYPE_CHECKING:
    from pywren.runner._store_runner import StoreRunner

__all__ = ["StoreRunner", "WorkerPool", "map_file", "write_frame_file"]


def __getattr__(name: str) -> object:
    if name == "StoreRunner":  # local workers start without a store
        from pywren.runner._store_runner import StoreRunner

        return StoreRunner
    raise AttributeError(f"module 'pywren.runner' has no attribute {name!r}")
