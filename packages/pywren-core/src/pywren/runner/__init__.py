"""Running calls: a pool of warm child processes under supervision.

The same runner serves every backend: the local one holds a pool in the client's own process, a
Lambda sandbox or an EC2 worker holds one beside its connection to the store.
"""

from __future__ import annotations

from pywren.runner._payloads import map_file, write_frame_file
from pywren.runner._pool import WorkerPool

__all__ = ["WorkerPool", "map_file", "write_frame_file"]
