"""Peers with the interface of `concurrent.futures`: the standard library's pool, and loky."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from importlib import import_module
from typing import Any


class _Pool:
    """A `concurrent.futures.Executor`, one message per call."""

    closures = False
    _executor: Executor

    def map(self, function: Callable[[Any], Any], data: Iterable[Any]) -> list[Any]:
        return list(self._executor.map(function, data, chunksize=1))

    def one(self, function: Callable[[Any], Any], item: Any) -> Any:
        return self._executor.submit(function, item).result()

    def submit_all(self, function: Callable[[Any], Any], data: Iterable[Any]) -> Any:
        return [self._executor.submit(function, item) for item in data]

    def close(self) -> None:
        self._executor.shutdown()


class ForkPool(_Pool):
    """`ProcessPoolExecutor` with forked workers, the default of Linux up to Python 3.13."""

    def start(self, workers: int) -> None:
        context = multiprocessing.get_context("fork")
        self._executor = ProcessPoolExecutor(workers, mp_context=context)


class SpawnPool(_Pool):
    """`ProcessPoolExecutor` with spawned workers, the default of macOS and Windows."""

    def start(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(workers, mp_context=context)


class Loky(_Pool):
    """loky's reusable executor."""

    closures = True

    def start(self, workers: int) -> None:
        loky: Any = import_module("loky")
        self._executor = loky.get_reusable_executor(max_workers=workers)
