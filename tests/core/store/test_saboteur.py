"""The saboteur harms exactly what its plan names; the counting store counts what S3 bills."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pywren.errors import StorageError, StorageKeyError
from pywren.testing import Fault, Injected, MemoryStore, SabotagedStore


def test_only_the_planned_attempts_at_the_planned_keys_are_hit() -> None:
    store = SabotagedStore(MemoryStore(), [Fault("put", "a/*", first=2, times=2)])
    for key in ("a/1", "b/1"):
        hit = []
        for attempt in range(1, 6):
            try:
                store.put(key, b"x")
            except StorageError:
                hit.append(attempt)
        assert hit == ([2, 3] if key == "a/1" else [])
    assert store.injected == [
        Injected("put", "a/1", 2, "error"),
        Injected("put", "a/1", 3, "error"),
    ]


def test_an_error_does_nothing_and_a_lost_reply_does_everything() -> None:
    inner = MemoryStore()
    store = SabotagedStore(inner, [Fault("put", "a"), Fault("put", "b", "lost_reply")])
    for key in ("a", "b"):
        with pytest.raises(StorageError):
            store.put(key, b"x")
    assert inner.size_bytes("a") is None
    assert inner.size_bytes("b") == 1


def test_bodies_are_cut_or_flipped_by_the_smallest_amount() -> None:
    inner = MemoryStore()
    inner.put("key", b"\0\0\0")
    store = SabotagedStore(inner, [Fault("get", how="flip"), Fault("get", how="truncate", first=2)])
    assert [store.get("key") for _ in range(3)] == [b"\0\1\0", b"\0\0", b"\0\0\0"]


def test_a_stale_store_shows_nothing_once() -> None:
    inner = MemoryStore()
    inner.put("a/key", b"x")
    plan = [
        Fault("get", how="stale"),
        Fault("list", "a", "stale"),
        Fault("size_bytes", how="stale"),
    ]
    store = SabotagedStore(inner, plan)
    with pytest.raises(StorageKeyError):
        store.get("a/key")
    assert list(store.list("a")) == []
    assert store.size_bytes("a/key") is None
    assert store.get("a/key") == b"x"
    assert len(list(store.list("a"))) == 1
    assert store.size_bytes("a/key") == 1


def test_a_delay_is_handed_to_the_clock() -> None:
    pauses: list[float] = []
    plan = [Fault("create", how="delay", seconds=2.5)]
    store = SabotagedStore(MemoryStore(), plan, sleep=pauses.append)
    assert store.create("key", b"x") is True
    assert pauses == [2.5]


def test_a_listing_and_a_deletion_can_lose_their_reply() -> None:
    inner = MemoryStore()
    inner.put("a/key", b"x")
    store = SabotagedStore(
        inner, [Fault("list", how="lost_reply"), Fault("delete", how="lost_reply")]
    )
    with pytest.raises(StorageError):
        list(store.list("a"))
    with pytest.raises(StorageError):
        store.delete(["a/key"])
    assert inner.size_bytes("a/key") is None


def test_requests_are_counted_as_s3_bills_them() -> None:
    store = MemoryStore()
    keys = [f"a/{number:04d}" for number in range(2001)]
    for key in keys:
        store.put(key, b"")
    assert len(list(store.list("a"))) == 3
    assert list(store.list("b")) == []
    store.delete(keys)
    with pytest.raises(StorageKeyError):
        store.get("a/0000")
    assert dict(store.counts) == {"put": 2001, "list": 4, "delete": 3, "get": 1}


def test_importing_the_testing_package_imports_no_test_framework() -> None:
    code = "import sys, pywren.testing; print('pytest' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "False"
