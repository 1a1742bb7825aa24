"""The first writer of an outcome wins, whatever goes wrong on the way."""

from __future__ import annotations

import os
import pickle
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from pywren.errors import IntegrityError, StorageError, StorageKeyError
from pywren.protocol import Outcome, StoreRef
from pywren.store import Store, open_store
from pywren.store.commit import INLINE_OUTPUT_BYTES, commit_outcome, read_outcome, read_output
from pywren.store.layout import outcome_key
from pywren.testing import Fault, MemoryStore, SabotagedStore
from servers import S3Server

KEY = b"k" * 32
LARGE = os.urandom(INLINE_OUTPUT_BYTES + 1)


def another(outcome: Outcome, attempt_id: str = "attempt-b") -> Outcome:
    return msgspec.structs.replace(outcome, attempt_id=attempt_id, attempt=2)


def key_of(outcome: Outcome) -> str:
    return outcome_key(outcome.callset_id, outcome.call_id)


def read(store: Store, outcome: Outcome, pauses: list[float] | None = None) -> Outcome | None:
    sleep = (pauses if pauses is not None else []).append
    return read_outcome(store, outcome.callset_id, outcome.call_id, KEY, sleep=sleep)


@pytest.fixture(params=["memory", "file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("ministack")
        url, options = server.fresh_url(), server.options
    else:
        url = f"memory://{uuid.uuid4().hex}" if request.param == "memory" else tmp_path.as_uri()
        options = {}
    with open_store(url, **options) as store:
        yield store


def test_a_small_outcome_is_one_request_to_write_and_one_to_read(outcome: Outcome) -> None:
    store = MemoryStore()
    assert commit_outcome(store, outcome, KEY) == outcome
    assert dict(store.counts) == {"create": 1}
    found = read(store, outcome)
    assert found == outcome
    assert bytes(read_output(store, found)) == b"small output"
    assert dict(store.counts) == {"create": 1, "get": 1}


def test_a_large_output_is_an_object_of_its_own(outcome: Outcome) -> None:
    store = MemoryStore()
    committed = commit_outcome(store, outcome, KEY, output=[LARGE[:10], LARGE[10:]])
    assert isinstance(committed.output, StoreRef)
    assert dict(store.counts) == {"put": 1, "create": 1}
    assert read(store, outcome) == committed
    assert read_output(store, committed) == LARGE


def test_the_second_writer_learns_who_was_first(store: Store, outcome: Outcome) -> None:
    commit_outcome(store, outcome, KEY)
    assert commit_outcome(store, another(outcome), KEY) == outcome
    assert read(store, outcome) == outcome


def test_writing_the_same_outcome_twice_is_a_success(store: Store, outcome: Outcome) -> None:
    assert commit_outcome(store, outcome, KEY) == commit_outcome(store, outcome, KEY) == outcome


def test_a_late_attempt_does_not_touch_the_output_of_the_first(
    store: Store, outcome: Outcome
) -> None:
    first = commit_outcome(store, outcome, KEY, output=[LARGE])
    late = commit_outcome(store, another(outcome), KEY, output=[LARGE[::-1]])
    assert late == first
    assert bytes(read_output(store, late)) == LARGE


def test_of_many_attempts_all_see_the_same_winner(store: Store, outcome: Outcome) -> None:
    attempts = [another(outcome, f"attempt-{number}") for number in range(20)]
    start = threading.Barrier(len(attempts))

    def commit(attempt: Outcome) -> Outcome:
        start.wait(timeout=30)
        return commit_outcome(store, attempt, KEY)

    with ThreadPoolExecutor(len(attempts)) as pool:
        seen = {result.attempt_id for result in pool.map(commit, attempts)}
    assert len(seen) == 1
    found = read(store, outcome)
    assert found is not None
    assert {found.attempt_id} == seen


def test_a_lost_reply_to_ones_own_write_is_a_success(outcome: Outcome, pauses: list[float]) -> None:
    store = SabotagedStore(MemoryStore(), [Fault("create", how="lost_reply")])
    assert commit_outcome(store, outcome, KEY, sleep=pauses.append) == outcome
    assert [done.how for done in store.injected] == ["lost_reply"]
    assert len(pauses) == 1


def test_a_lost_reply_and_a_lagging_store_together_are_a_success(
    outcome: Outcome, pauses: list[float]
) -> None:
    plan = [Fault("create", how="lost_reply"), Fault("get", how="stale")]
    store = SabotagedStore(MemoryStore(), plan)
    assert commit_outcome(store, outcome, KEY, sleep=pauses.append) == outcome
    assert [done.how for done in store.injected] == ["lost_reply", "stale"]


def test_errors_that_pass_are_sat_out_for_output_and_record(
    outcome: Outcome, pauses: list[float]
) -> None:
    plan = [Fault("put", times=2), Fault("create", times=3)]
    store = SabotagedStore(MemoryStore(), plan)
    committed = commit_outcome(store, outcome, KEY, output=[LARGE], sleep=pauses.append)
    assert read(store, outcome) == committed
    assert len(pauses) == 5


def test_a_store_that_stays_away_is_an_error_and_nothing_is_committed(
    outcome: Outcome, pauses: list[float]
) -> None:
    store = SabotagedStore(MemoryStore(), [Fault("create", times=1000)])
    with pytest.raises(StorageError, match="503"):
        commit_outcome(store, outcome, KEY, sleep=pauses.append)
    assert read(store, outcome) is None
    assert sum(pauses) < 2


def test_a_forged_record_in_the_way_is_reported_and_not_retried(
    outcome: Outcome, pauses: list[float]
) -> None:
    store = MemoryStore()
    store.put(key_of(outcome), b"PWO1" + b"forged" * 20)
    with pytest.raises(IntegrityError, match=key_of(outcome)):
        commit_outcome(store, outcome, KEY, sleep=pauses.append)
    assert store.counts["create"] == 1


def test_no_outcome_yet_is_none(store: Store, outcome: Outcome) -> None:
    assert read(store, outcome) is None


def test_a_record_that_the_store_does_not_show_yet_is_not_lost(outcome: Outcome) -> None:
    store = SabotagedStore(MemoryStore(), [Fault("get", how="stale")])
    commit_outcome(store, outcome, KEY)
    assert read(store, outcome) is None
    assert read(store, outcome) == outcome


@pytest.mark.parametrize("how", ["flip", "truncate"])
def test_a_record_damaged_on_the_way_is_read_again(
    how: str, outcome: Outcome, pauses: list[float]
) -> None:
    store = SabotagedStore(MemoryStore(), [Fault("get", "*/outcomes/*", how, times=2)])  # type: ignore[arg-type]
    commit_outcome(store, outcome, KEY)
    assert read(store, outcome, pauses) == outcome
    assert len(pauses) == 2


@pytest.mark.parametrize("how", ["flip", "truncate", "stale"])
def test_an_output_damaged_on_the_way_is_read_again(
    how: str, outcome: Outcome, pauses: list[float]
) -> None:
    store = SabotagedStore(MemoryStore(), [Fault("get", "*/output/*", how, times=2)])  # type: ignore[arg-type]
    committed = commit_outcome(store, outcome, KEY, output=[LARGE])
    assert read_output(store, committed, sleep=pauses.append) == LARGE
    assert len(pauses) == 2


def test_a_replaced_output_is_refused_by_name_and_never_unpickled(
    store: Store, outcome: Outcome, pauses: list[float]
) -> None:
    committed = commit_outcome(store, outcome, KEY, output=[LARGE])
    assert isinstance(committed.output, StoreRef)
    for forged in (pickle.dumps("evil").ljust(len(LARGE)), pickle.dumps("evil")):
        store.put(committed.output.key, forged)
        with pytest.raises(IntegrityError, match=committed.output.key):
            read_output(store, committed, sleep=pauses.append)


def test_an_output_that_is_gone_is_named(outcome: Outcome, pauses: list[float]) -> None:
    store = MemoryStore()
    committed = commit_outcome(store, outcome, KEY, output=[LARGE])
    assert isinstance(committed.output, StoreRef)
    store.delete([committed.output.key])
    with pytest.raises(StorageKeyError, match=committed.output.key):
        read_output(store, committed, sleep=pauses.append)


def test_an_outcome_without_output_has_none_to_read(outcome: Outcome) -> None:
    store = MemoryStore()
    committed = commit_outcome(store, msgspec.structs.replace(outcome, output=None), KEY)
    with pytest.raises(ValueError, match="not in the store"):
        read_output(store, committed)


def test_an_outcome_needs_an_attempt_id(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="attempt_id"):
        commit_outcome(MemoryStore(), another(outcome, ""), KEY)
