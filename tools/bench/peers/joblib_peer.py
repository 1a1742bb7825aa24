"""joblib as it comes: loky's processes, automatic batches, large arrays through memmap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from bench.peers import NotOffered


class Joblib:
    """One `joblib.Parallel` kept open over all maps, so that its workers stay warm."""

    closures = False  # it finds arrays to map in arguments and partials, not in closures

    def start(self, workers: int) -> None:
        joblib: Any = import_module("joblib")
        self._delayed = joblib.delayed
        self._parallel = joblib.Parallel(n_jobs=workers)
        self._parallel.__enter__()

    def map(self, function: Callable[[Any], Any], data: Iterable[Any]) -> list[Any]:
        call = self._delayed(function)
        return list(self._parallel(call(item) for item in data))

    def one(self, function: Callable[[Any], Any], item: Any) -> Any:
        return self.map(function, [item])[0]

    def submit_all(self, function: Callable[[Any], Any], data: Iterable[Any]) -> Any:
        raise NotOffered("joblib has no futures")

    def close(self) -> None:
        self._parallel.__exit__(None, None, None)
