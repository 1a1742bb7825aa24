"""Every backend keeps the contract: the local one, and the stand-in for remote ones on each kind
of store."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pywren
from pywren.config import load_config
from pywren.executor import Executor
from pywren.testing import BackendContract, StoreBackend
from servers import S3Server


class Contract(BackendContract):
    """The contract, and what takes a package that users of PyWren need not have."""

    def test_arrays_travel_both_ways_and_can_be_written_to(self, executor: Executor) -> None:
        def double(array: np.ndarray) -> np.ndarray:
            array *= 2
            return array

        inputs = [np.arange(size, dtype=float) for size in (10, 200_000)]
        for array, result in zip(inputs, executor.map(double, inputs), strict=True):
            doubled = result.result(timeout=self.patience)
            assert np.array_equal(doubled, 2 * array)
            doubled[0] = 1


class TestLocal(Contract):
    @pytest.fixture
    def executor(self, tmp_path: Path) -> Iterator[Executor]:
        storage = {"storage": {"url": (tmp_path / "store").as_uri()}}
        with pywren.local_executor(storage, workers=2) as pwex:
            yield pwex


class TestThroughMemory(Contract):
    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        backend = StoreBackend(f"memory://{uuid.uuid4().hex}")
        with Executor(backend, load_config({})) as pwex:
            yield pwex


class TestThroughFiles(Contract):
    @pytest.fixture
    def executor(self, tmp_path: Path) -> Iterator[Executor]:
        backend = StoreBackend((tmp_path / "store").as_uri())
        with Executor(backend, load_config({})) as pwex:
            yield pwex


class TestThroughS3(Contract):
    @pytest.fixture
    def executor(self, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Executor]:
        for name, value in s3_server.environ.items():
            monkeypatch.setenv(name, value)
        with Executor(StoreBackend(s3_server.fresh_url()), load_config({})) as pwex:
            yield pwex
