"""lithops on localhost: version 2, as it comes (a process per call), and version 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any


class _Lithops:
    """A `FunctionExecutor` on localhost with as many workers as the other peers have."""

    closures = True
    localhost: dict[str, Any] = {}  # noqa: RUF012 - read only, one per version

    def start(self, workers: int) -> None:
        lithops: Any = import_module("lithops")
        config = {
            "lithops": {"backend": "localhost", "storage": "localhost", "telemetry": False},
            "localhost": {"worker_processes": workers, **self.localhost},
        }
        self._executor = lithops.FunctionExecutor(config=config)

    def map(self, function: Callable[[Any], Any], data: Iterable[Any]) -> list[Any]:
        futures = self.submit_all(function, data)
        return list(self._executor.get_result(futures, show_progressbar=False))

    def one(self, function: Callable[[Any], Any], item: Any) -> Any:
        future = self._executor.call_async(function, (item,))
        return self._executor.get_result(future, show_progressbar=False)

    def submit_all(self, function: Callable[[Any], Any], data: Iterable[Any]) -> Any:
        return self._executor.map(function, list(data))

    def close(self) -> None:
        self._executor.clean(clean_cloudobjects=False, force=True)


class LithopsV1(_Lithops):
    """All calls of a map in one pool of processes."""

    localhost = {"version": 1}  # noqa: RUF012 - read only


class LithopsV2(_Lithops):
    """A new process for every call: what one gets without a configuration."""

    localhost = {"version": 2}  # noqa: RUF012 - read only
