"""The tests that every store passes, whatever is behind it."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pywren.errors import IntegrityError, StorageError, StorageKeyError
from pywren.store.interface import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["StoreContract"]

_BAD_KEYS = (
    "",
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/..",
    "./a",
    "a/./b",
    "a b",
    "a#b",
    "a\n",
    "ä",
    "a" * 1000,
)


class StoreContract:
    """What `Store` promises, as tests.

    A store's author subclasses it, with a `store` fixture::

        class TestMyStore(StoreContract):
            @pytest.fixture
            def store(self):
                with MyStore(...) as store:
                    yield store

    Each test needs an empty store of its own, and leaves things in it.
    """

    writers: int = 20
    """How many threads race in the tests about concurrency."""

    pages: int = 2
    """How many full pages of 1,000 objects the listing test makes, and a bit more."""

    def test_it_is_a_store(self, store: Store) -> None:
        assert isinstance(store, Store)
        assert "://" in store.url

    def test_what_was_put_is_what_is_got(self, store: Store) -> None:
        store.put("a/b", b"\x00\xff data")
        assert bytes(store.get("a/b")) == b"\x00\xff data"

    def test_an_empty_object_is_an_object(self, store: Store) -> None:
        store.put("empty", b"")
        store.put("no/pieces", [])
        assert bytes(store.get("empty")) == bytes(store.get("no/pieces")) == b""
        assert store.size_bytes("empty") == 0

    def test_pieces_of_all_kinds_are_stored_one_after_the_other(self, store: Store) -> None:
        numbers = memoryview(bytearray(b"\1\0\2\0")).cast("H")
        store.put("pieces", [b"a", bytearray(b"b"), b"", memoryview(b"c"), numbers])
        assert bytes(store.get("pieces")) == b"abc\1\0\2\0"

    def test_more_pieces_than_one_system_call_takes_are_stored(self, store: Store) -> None:
        store.put("many", [b"%d," % number for number in range(5000)])
        assert bytes(store.get("many")) == b"".join(b"%d," % number for number in range(5000))

    def test_a_large_object_comes_back_whole(self, store: Store) -> None:
        block = os.urandom(1 << 20)
        store.put("large", [block] * 40)
        assert store.size_bytes("large") == 40 << 20
        expected = hashlib.sha256(block * 40).digest()
        assert hashlib.sha256(store.get("large")).digest() == expected

    def test_put_replaces_what_was_there(self, store: Store) -> None:
        store.put("key", b"a long first version")
        store.put("key", b"second")
        assert bytes(store.get("key")) == b"second"

    def test_create_takes_only_a_free_key(self, store: Store) -> None:
        assert store.create("a/key", b"first") is True
        assert store.create("a/key", b"second") is False
        assert bytes(store.get("a/key")) == b"first"

    def test_create_does_not_replace_what_was_put(self, store: Store) -> None:
        store.put("key", b"put")
        assert store.create("key", b"created") is False
        assert bytes(store.get("key")) == b"put"

    def test_create_takes_a_key_that_was_deleted(self, store: Store) -> None:
        store.create("key", b"first")
        store.delete(["key"])
        assert store.create("key", b"second") is True

    def test_of_many_creators_exactly_one_wins(self, store: Store) -> None:
        wins: list[int] = []
        _run_together(
            self.writers,
            lambda me: wins.append(me) if store.create("race", b"%d" % me) else None,
        )
        assert len(wins) == 1
        assert bytes(store.get("race")) == b"%d" % wins[0]

    def test_a_reader_never_sees_a_part_of_a_put(self, store: Store) -> None:
        versions = [bytes([number]) * 50_000 for number in range(4)]
        store.put("key", versions[0])
        seen: list[bytes] = []

        def write_or_read(me: int) -> None:
            for version in versions:
                if me % 2:
                    store.put("key", [version[:10], version[10:]])
                else:
                    seen.append(bytes(store.get("key")))

        _run_together(4, write_or_read)
        assert set(seen) <= set(versions)

    def test_a_missing_key_raises_an_error_that_names_it(self, store: Store) -> None:
        with _raises(StorageKeyError) as caught:
            store.get("no/such/key")
        assert "no/such/key" in str(caught[0])
        assert isinstance(caught[0], KeyError)

    def test_a_range_is_exactly_what_was_asked_for(self, store: Store) -> None:
        store.put("key", b"0123456789")
        assert bytes(store.get("key", offset=3, size_bytes=4)) == b"3456"
        assert bytes(store.get("key", offset=7)) == b"789"
        assert bytes(store.get("key", size_bytes=2)) == b"01"
        assert bytes(store.get("key", offset=9, size_bytes=1)) == b"9"
        assert bytes(store.get("key", offset=5, size_bytes=0)) == b""

    def test_a_range_beyond_the_end_is_an_error(self, store: Store) -> None:
        store.put("key", b"0123456789")
        for offset, size in ((8, 3), (10, 1), (11, 1), (10, None), (11, None)):
            with _raises(IntegrityError):
                store.get("key", offset=offset, size_bytes=size)

    def test_a_range_of_a_missing_key_is_a_missing_key(self, store: Store) -> None:
        with _raises(StorageKeyError):
            store.get("missing", offset=1, size_bytes=1)

    def test_the_size_is_known_without_reading(self, store: Store) -> None:
        store.put("key", b"12345")
        assert store.size_bytes("key") == 5
        assert store.size_bytes("missing") is None
        assert store.size_bytes("key/below") is None

    def test_deleting_is_done_once_and_asked_for_twice(self, store: Store) -> None:
        for key in ("a/1", "a/2", "b"):
            store.put(key, b"x")
        store.delete(["a/1", "missing", "b"])
        store.delete(iter(["a/1", "b"]))
        store.delete([])
        assert _keys(store) == ["a/2"]

    def test_an_empty_listing_has_no_pages(self, store: Store) -> None:
        store.put("other/key", b"x")
        assert list(store.list("missing")) == []
        assert list(store.list("other/key")) == []

    def test_a_listing_tells_sizes_and_times(self, store: Store) -> None:
        store.put("a/first", b"1")
        store.put("a/second", b"22")
        first, second = next(iter(store.list("a")))
        assert (first.key, first.size_bytes) == ("a/first", 1)
        assert (second.key, second.size_bytes) == ("a/second", 2)
        assert first.modified_at > 1_500_000_000
        assert second.modified_at - first.modified_at < 3600

    def test_a_prefix_is_made_of_whole_segments(self, store: Store) -> None:
        for key in ("a/b", "a/c/d", "ab", "a.b", "b/a/x"):
            store.put(key, b"")
        assert _keys(store, "a") == _keys(store, "a/") == ["a/b", "a/c/d"]
        assert _keys(store, "a/c") == ["a/c/d"]

    def test_the_objects_of_a_folder_come_in_the_order_of_their_keys(self, store: Store) -> None:
        keys = [f"f/{name}" for name in ("a-b", "a.b", "a", "ab", "a0", "Z", "_", "00010", "9")]
        _put_all(store, keys)
        assert _keys(store, "f") == sorted(keys)
        for after in ("f/a", "f/aa", "f/0", "f/zz"):
            assert _keys(store, "f", after=after) == [key for key in sorted(keys) if key > after]

    def test_a_listing_goes_on_after_any_key_that_it_gave(self, store: Store) -> None:
        keys = ["a-b", "a.b", "a/b", "a/b-c", "a0", "aa/a", "Z", "_", "a/b=c/d", "a/b0"]
        _put_all(store, keys)
        listed = _keys(store)
        assert sorted(listed) == sorted(keys)
        for position, key in enumerate(listed):
            assert _keys(store, after=key) == listed[position + 1 :]

    def test_a_long_listing_comes_in_pages_without_gap_or_double(self, store: Store) -> None:
        keys = [f"many/{number:06d}" for number in range(self.pages * 1000 + 7)]
        _run_together(8, lambda me: _put_all(store, keys[me::8]))
        pages = list(store.list("many"))
        assert [entry.key for page in pages for entry in page] == keys
        assert max(len(page) for page in pages) <= 1000
        assert _keys(store, "many", after=keys[1002]) == keys[1003:]
        store.delete(keys)
        assert _keys(store, "many") == []

    def test_a_bad_key_is_refused_by_every_operation(self, store: Store) -> None:
        for key in _BAD_KEYS:
            for refuse in (
                lambda: store.put(key, b""),  # noqa: B023 - called in this very turn
                lambda: store.create(key, b""),  # noqa: B023 - the same
                lambda: store.get(key),  # noqa: B023 - the same
                lambda: store.size_bytes(key),  # noqa: B023 - the same
                lambda: store.delete([key]),  # noqa: B023 - the same
                lambda: store.local_path(key),  # noqa: B023 - the same
            ):
                with _raises(ValueError):
                    refuse()
        with _raises(ValueError):
            list(store.list("../a"))
        with _raises(ValueError):
            list(store.list("a", after="a/"))

    def test_a_local_path_is_the_object_itself(self, store: Store) -> None:
        store.put("a/key", [b"in a ", b"file"])
        path = store.local_path("a/key")
        assert path is None or path.read_bytes() == b"in a file"

    def test_errors_are_storage_errors_and_carry_their_cause(self, store: Store) -> None:
        with _raises(StorageError) as caught:
            store.get("missing")
        assert store.url in str(caught[0])

    def test_closing_twice_is_fine(self, store: Store) -> None:
        with store:
            store.put("key", b"x")
        store.close()


def _put_all(store: Store, keys: list[str]) -> None:
    for key in keys:
        store.put(key, b"x")


def _keys(store: Store, prefix: str = "", after: str | None = None) -> list[str]:
    return [entry.key for page in store.list(prefix, after=after) for entry in page]


@contextmanager
def _raises(kind: type[BaseException]) -> Iterator[list[BaseException]]:
    """What pytest.raises does, without pytest; the error is in the list afterwards."""
    caught: list[BaseException] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    assert caught, f"expected {kind.__name__}, and nothing was raised"


def _run_together(count: int, action: Callable[[int], object]) -> None:
    """Run `action(0)`, `action(1)`, ... in threads that start at the same moment."""
    from concurrent.futures import ThreadPoolExecutor

    start = threading.Barrier(count)

    def run(me: int) -> None:
        start.wait(timeout=30)
        action(me)

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(run, me) for me in range(count)]:
            done.result()
