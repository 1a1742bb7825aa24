"""Every store keeps the contract: those that users open, and the one for tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywren.store import Store, open_store
from pywren.testing import MemoryStore, SabotagedStore, StoreContract
from servers import S3Server


class TestMemoryUrl(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return open_store(f"memory://{uuid.uuid4().hex}")


class TestFileUrl(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store((tmp_path / "a store" / "é").as_uri())


class TestS3Url(StoreContract):
    @pytest.fixture
    def store(self, s3_server: S3Server) -> Iterator[Store]:
        with open_store(s3_server.fresh_url(), **s3_server.options) as store:
            yield store


class TestCountingStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestSabotagedStoreWithoutAPlan(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return SabotagedStore(MemoryStore(), [])
