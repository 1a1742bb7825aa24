"""dask.distributed on this machine: one thread per worker process, no dashboard."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any


class Dask:
    """A client of its own `LocalCluster`."""

    closures = True

    def start(self, workers: int) -> None:
        distributed: Any = import_module("distributed")
        self._cluster = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None
        )
        self._client = distributed.Client(self._cluster)

    def map(self, function: Callable[[Any], Any], data: Iterable[Any]) -> list[Any]:
        return list(self._client.gather(self.submit_all(function, data)))

    def one(self, function: Callable[[Any], Any], item: Any) -> Any:
        return self._client.submit(function, item, pure=False).result()

    def submit_all(self, function: Callable[[Any], Any], data: Iterable[Any]) -> Any:
        # Not pure: dask would otherwise answer a repeated call from its memory.
        return self._client.map(function, list(data), pure=False)

    def close(self) -> None:
        self._client.close()
        self._cluster.close()
