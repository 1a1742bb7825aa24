"""PyWren's local executor, through its public names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any


class PyWren:
    """`pywren.local_executor`, with the calls of the user guide."""

    closures = True

    def start(self, workers: int) -> None:
        self._pywren: Any = import_module("pywren")
        self._executor = self._pywren.local_executor(workers=workers)

    def map(self, function: Callable[[Any], Any], data: Iterable[Any]) -> list[Any]:
        return list(self._pywren.get_all_results(self.submit_all(function, data)))

    def one(self, function: Callable[[Any], Any], item: Any) -> Any:
        return self._executor.call_async(function, item).result()

    def submit_all(self, function: Callable[[Any], Any], data: Iterable[Any]) -> Any:
        return self._executor.map(function, data)

    def close(self) -> None:
        self._executor.shutdown()
