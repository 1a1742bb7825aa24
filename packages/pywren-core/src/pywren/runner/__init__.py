"""Running calls: a pool of warm child processes under supervision.

The same runner serves every backend: the local one holds a pool in the client's own process, a
Lambda sandbox or an EC2 worker holds one beside its connection to the store.
"""

from __future__ import annotations

from pywren._late import late_names

TYPE_CHECKING = False  # what `typing` says too, without the time to import it

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

__getattr__ = late_names(__name__, _HOMES)
