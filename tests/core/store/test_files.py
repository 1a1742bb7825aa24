"""A folder as a store: what is peculiar to files."""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path

import pytest

from pywren.errors import StorageError, StorageKeyError
from pywren.store import open_store
from pywren.store.files import FileStore


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "store")


def files(store: FileStore) -> list[str]:
    root = store.local_path("x").parent
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_an_object_can_be_mapped_into_memory(store: FileStore) -> None:
    store.put("a/key", [b"mapped ", b"bytes"])
    with (
        store.local_path("a/key").open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view,
    ):
        store.put("a/key", b"replaced")
        assert view[:] == b"mapped bytes"  # a mapping keeps what it has mapped


def test_nothing_but_the_objects_stays_behind(store: FileStore) -> None:
    store.put("a/key", b"x")
    store.create("a/key", b"x")
    store.create("b/key", b"x")
    assert files(store) == ["a", "a/key", "b", "b/key"]


def test_folders_go_with_their_last_object(store: FileStore) -> None:
    for key in ("a/b/c/1", "a/b/2"):
        store.put(key, b"x")
    store.delete(["a/b/c/1"])
    assert files(store) == ["a", "a/b", "a/b/2"]
    store.delete(["a/b/2"])
    assert files(store) == []
    assert list(store.list()) == []


def test_a_write_that_fails_leaves_no_trace(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("key", b"old")

    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(StorageError, match=r"put 'key' in file:.*the disk is full"):
        store.put("key", b"new")
    monkeypatch.undo()
    assert files(store) == ["key"]
    assert store.get("key") == b"old"


def test_short_writes_are_carried_on(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda file, parts: real(file, [parts[0][:3]]))
    store.put("key", [b"0123456789", b"", b"ab", b"cdefgh"])
    assert store.get("key") == b"0123456789abcdefgh"


def test_what_a_dead_writer_left_is_not_listed(store: FileStore) -> None:
    store.put("a/key", b"x")
    store.local_path("a/key").with_name("key#123-dead").write_bytes(b"half")
    assert [entry.key for page in store.list() for entry in page] == ["a/key"]


def test_a_key_below_an_object_says_that_it_cannot_be(store: FileStore) -> None:
    store.put("a", b"x")
    with pytest.raises(StorageError, match="name the object differently"):
        store.put("a/b", b"x")
    with pytest.raises(StorageError):
        store.get("a/b")


def test_a_folder_is_not_an_object(store: FileStore) -> None:
    store.put("a/b", b"x")
    with pytest.raises(StorageKeyError):
        store.get("a")
    assert store.size_bytes("a") is None
    with pytest.raises(StorageError, match="name the object differently"):
        store.put("a", b"x")


def test_two_stores_on_one_folder_see_each_other(store: FileStore) -> None:
    other = open_store(store.url)
    assert store.create("key", b"first") is True
    assert other.create("key", b"second") is False
    assert other.get("key") == b"first"
