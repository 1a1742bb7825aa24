"""Calls that come as messages: what they ask of the store, and how they end."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pywren.errors import BackendError, StorageError
from pywren.frames import pieces
from pywren.protocol import (
    CallsetSpec,
    CallSpec,
    Dispatch,
    Outcome,
    OutcomeKind,
    OutcomeRef,
    StoreRef,
    new_callset_id,
)
from pywren.runner import StoreRunner
from pywren.serialization.functions import pack_function
from pywren.serialization.pickling import dump_frame, load_frame
from pywren.store import Store
from pywren.store.cancelling import cancel_calls
from pywren.store.commit import read_outcome, read_output
from pywren.store.layout import data_key, function_key, outcome_key
from pywren.store.records import sign
from pywren.testing import Fault, MemoryStore, SabotagedStore

KEY = b"k" * 32


class Client:
    """What a client does before a message is sent, and after its calls are over."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    def callset(self, function: Callable[..., Any], **fields: Any) -> CallsetSpec:
        payload = pack_function(function)
        self.store.put(function_key(payload.digest), list(pieces(payload.segments)))
        fields = {"timeout": 60.0, "submitted_at": time.time(), **fields}
        return CallsetSpec(
            callset_id=new_callset_id(), function=payload.digest, signing_key=KEY, **fields
        )

    def data(self, callset: CallsetSpec, *values: object) -> list[CallSpec]:
        """Calls whose inputs lie one after the other in one object."""
        frames = [dump_frame(value) for value in values]
        self.store.put(data_key(callset.callset_id), frames)
        calls, offset = [], 0
        for number, frame in enumerate(frames):
            digest = hashlib.sha256(frame).hexdigest()
            ref = StoreRef(data_key(callset.callset_id), len(frame), digest, offset)
            calls.append(CallSpec(f"{number:05d}", ref))
            offset += len(frame)
        return calls

    def value(self, outcome: Outcome) -> Any:
        stored = read_outcome(self.store, outcome.callset_id, outcome.call_id, KEY)
        assert stored is not None
        assert stored.attempt_id == outcome.attempt_id
        assert stored.kind is OutcomeKind.VALUE, stored.error
        return load_frame(read_output(self.store, stored))


def inline(*values: object) -> list[CallSpec]:
    return [CallSpec(f"{number:05d}", dump_frame(value)) for number, value in enumerate(values)]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def client(store: MemoryStore) -> Client:
    return Client(store)


@pytest.fixture
def open_runner(tmp_path: Path) -> Iterator[Callable[..., StoreRunner]]:
    runners = []

    def open_one(store: Store, workers: int = 1, **options: Any) -> StoreRunner:
        directory = tmp_path / f"runner{len(runners)}"
        directory.mkdir()
        runners.append(StoreRunner(store, workers, directory=str(directory), **options))
        runners[-1].open()
        return runners[-1]

    yield open_one
    for runner in runners:
        runner.close()


@pytest.fixture
def runner(store: MemoryStore, open_runner: Callable[..., StoreRunner]) -> StoreRunner:
    return open_runner(store, sleep=lambda _: None)


# -- what it costs ---------------------------------------------------------------------------------


def test_a_warm_function_takes_one_request_a_call(
    client: Client, runner: StoreRunner, store: MemoryStore
) -> None:
    callset = client.callset(lambda number: number + 1)
    store.counts.clear()
    for call in inline(*range(10)):
        (outcome,) = runner.run(Dispatch(callset, [call]))
        assert outcome.kind is OutcomeKind.VALUE
    assert dict(store.counts) == {"get": 1, "create": 10}


def test_an_input_that_is_not_inline_takes_one_get_more(
    client: Client, runner: StoreRunner, store: MemoryStore
) -> None:
    callset = client.callset(len)
    calls = client.data(callset, b"a" * 10, b"b" * 200_000, b"c")
    store.counts.clear()
    outcomes = runner.run(Dispatch(callset, calls))
    assert dict(store.counts) == {"get": 1 + 3, "create": 3}
    assert sorted(client.value(outcome) for outcome in outcomes) == [1, 10, 200_000]


def test_an_output_too_large_for_its_record_takes_one_put_more(
    client: Client, runner: StoreRunner, store: MemoryStore
) -> None:
    callset = client.callset(bytes)
    store.counts.clear()
    small, large = runner.run(Dispatch(callset, inline(500_000, 3_000_000)))
    assert dict(store.counts) == {"get": 1, "create": 2, "put": 1}
    assert (len(client.value(small)), len(client.value(large))) == (500_000, 3_000_000)


def test_no_files_are_left_behind(client: Client, runner: StoreRunner, tmp_path: Path) -> None:
    callset = client.callset(lambda data: data)
    runner.run(Dispatch(callset, client.data(callset, b"a" * 200_000, b"b" * 3_000_000)))
    left = [
        path for name in ("inputs", "outputs") for path in (tmp_path / "runner0" / name).iterdir()
    ]
    assert left == []


# -- what is verified ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["flip", "truncate", "stale"])
def test_what_was_damaged_on_the_way_is_fetched_again(
    client: Client, store: MemoryStore, open_runner: Callable[..., StoreRunner], how: Any
) -> None:
    plan = [Fault("get", "functions/*", how), Fault("get", "*/data", how)]
    runner = open_runner(SabotagedStore(store, plan), sleep=lambda _: None)
    callset = client.callset(len)
    (outcome,) = runner.run(Dispatch(callset, client.data(callset, b"abc")))
    assert client.value(outcome) == 3


def test_another_function_than_was_asked_for_is_never_loaded(
    client: Client, runner: StoreRunner, store: MemoryStore, tmp_path: Path
) -> None:
    mark = str(tmp_path / "it ran")
    other = pack_function(lambda _: open(mark, "w").close())
    callset = client.callset(abs)
    store.put(function_key(callset.function), list(pieces(other.segments)))
    (outcome,) = runner.run(Dispatch(callset, inline(1)))
    assert outcome.kind is OutcomeKind.UNREADABLE
    assert callset.function in str(outcome.error)
    assert not (tmp_path / "it ran").exists()


def test_a_changed_input_fails_only_its_own_call(
    client: Client, runner: StoreRunner, store: MemoryStore
) -> None:
    callset = client.callset(len)
    first, second = client.data(callset, b"abc", b"abcd")
    assert isinstance(second.input, StoreRef)
    wrong = CallSpec(second.call_id, msgspec.structs.replace(second.input, sha256="0" * 64))
    outcomes = {o.call_id: o for o in runner.run(Dispatch(callset, [first, wrong]))}
    assert client.value(outcomes["00000"]) == 3
    assert outcomes["00001"].kind is OutcomeKind.UNREADABLE


def test_a_function_that_is_nowhere_is_an_unavailable_one(
    client: Client, runner: StoreRunner, store: MemoryStore
) -> None:
    callset = client.callset(len)
    store.delete([function_key(callset.function)])
    (outcome,) = runner.run(Dispatch(callset, inline("a")))
    assert outcome.kind is OutcomeKind.UNAVAILABLE


@pytest.mark.parametrize("field", [{"python": "2.7"}, {"protocol": 99}])
def test_a_client_of_another_version_is_told_before_anything_is_fetched(
    client: Client, runner: StoreRunner, store: MemoryStore, field: dict[str, Any]
) -> None:
    callset = client.callset(len, **field)
    store.counts.clear()
    (outcome,) = runner.run(Dispatch(callset, inline("a")))
    assert outcome.kind is OutcomeKind.VERSION_MISMATCH
    assert dict(store.counts) == {"create": 1}


def test_the_outputs_of_other_calls_are_taken_from_their_records(
    client: Client, runner: StoreRunner, store: MemoryStore
) -> None:
    first = client.callset(lambda size: b"x" * size)
    runner.run(Dispatch(first, inline(5, 3_000_000)))
    parts = [OutcomeRef(store.url, first.callset_id, f"{n:05d}", KEY) for n in (0, 1)]
    second = client.callset(lambda parts: [len(part) for part in parts], style="parts")
    (outcome,) = runner.run(Dispatch(second, [CallSpec("00000", parts=list(parts))]))
    assert client.value(outcome) == [5, 3_000_000]


# -- messages that come twice ----------------------------------------------------------------------


def test_a_message_that_comes_again_is_not_run_again(
    client: Client, runner: StoreRunner, tmp_path: Path
) -> None:
    dispatch = Dispatch(client.callset(_note), inline(str(tmp_path / "runs")))
    (first,) = runner.run(dispatch)
    (second,) = runner.run(dispatch, redelivered=True)
    assert (tmp_path / "runs").read_text() == "x"
    assert second.attempt_id == first.attempt_id


def test_a_later_attempt_at_a_call_that_is_over_does_not_run(
    client: Client, runner: StoreRunner, tmp_path: Path
) -> None:
    callset = client.callset(_note)
    (call,) = inline(str(tmp_path / "runs"))
    runner.run(Dispatch(callset, [call]))
    runner.run(Dispatch(callset, [msgspec.structs.replace(call, attempt=2)]))
    assert (tmp_path / "runs").read_text() == "x"


def test_the_same_call_twice_at_the_same_time_runs_once(
    client: Client, store: MemoryStore, open_runner: Callable[..., StoreRunner], tmp_path: Path
) -> None:
    runner = open_runner(store, 2)
    dispatch = Dispatch(client.callset(_note), inline(str(tmp_path / "runs")))
    results: list[list[Outcome]] = []
    threads = [
        threading.Thread(target=lambda: results.append(runner.run(dispatch, redelivered=True)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "runs").read_text() == "x"
    assert len({outcome.attempt_id for (outcome,) in results}) == 1


def test_of_two_workers_with_the_same_call_the_first_wins(
    client: Client, store: MemoryStore, open_runner: Callable[..., StoreRunner]
) -> None:
    dispatch = Dispatch(client.callset(abs), inline(-1))
    outcomes = [open_runner(store).run(dispatch)[0] for _ in range(2)]
    assert outcomes[0].attempt_id == outcomes[1].attempt_id


def test_an_outcome_whose_reply_was_lost_is_ones_own(
    client: Client, store: MemoryStore, open_runner: Callable[..., StoreRunner]
) -> None:
    plan = [Fault("create", "*/outcomes/*", "lost_reply")]
    runner = open_runner(SabotagedStore(store, plan), sleep=lambda _: None)
    (outcome,) = runner.run(Dispatch(client.callset(abs), inline(-1)))
    assert client.value(outcome) == 1


def test_a_store_that_stays_away_means_that_the_message_must_come_again(
    client: Client, store: MemoryStore, open_runner: Callable[..., StoreRunner]
) -> None:
    plan = [Fault("create", "*/outcomes/*/00001", "error", times=10**9)]
    runner = open_runner(SabotagedStore(store, plan), sleep=lambda _: None)
    callset = client.callset(abs)
    with pytest.raises(StorageError, match="SlowDown"):
        runner.run(Dispatch(callset, inline(-1, -2, -3)))
    there = [read_outcome(store, callset.callset_id, f"{n:05d}", KEY) for n in range(3)]
    assert [outcome is not None for outcome in there] == [True, False, True]


# -- cancelling ------------------------------------------------------------------------------------


def test_a_call_that_was_cancelled_while_it_waited_never_starts(
    client: Client, runner: StoreRunner, store: MemoryStore, tmp_path: Path
) -> None:
    callset = client.callset(_note, submitted_at=time.time() - 60)
    paths = [str(tmp_path / "first"), str(tmp_path / "second")]
    cancel_calls(store, callset.callset_id, ["00000"])
    outcomes = {o.call_id: o.kind for o in runner.run(Dispatch(callset, inline(*paths)))}
    assert outcomes == {"00000": OutcomeKind.CANCELLED, "00001": OutcomeKind.VALUE}
    assert not (tmp_path / "first").exists()


def test_a_running_call_is_killed_when_it_is_cancelled(
    client: Client, store: MemoryStore, open_runner: Callable[..., StoreRunner]
) -> None:
    runner = open_runner(store, cancel_look_seconds=0.05)
    callset = client.callset(time.sleep)
    cancel_calls(store, callset.callset_id)
    (outcome,) = runner.run(Dispatch(callset, inline(600)))
    assert outcome.kind is OutcomeKind.CANCELLED
    stored = read_outcome(store, callset.callset_id, "00000", KEY)
    assert stored is not None
    assert stored.kind is OutcomeKind.CANCELLED


def test_looks_for_the_cancel_object_are_few(
    client: Client, store: MemoryStore, open_runner: Callable[..., StoreRunner]
) -> None:
    now = 0.0
    runner = open_runner(store, cancel_look_seconds=5.0, clock=lambda: now)
    callset = client.callset(abs, submitted_at=time.time() - 3600)
    store.counts.clear()
    for call in inline(*range(10)):
        runner.run(Dispatch(callset, [call]))
        now += 1.0
    assert store.counts["get"] == 1 + 2


def test_words_about_single_calls_add_up(store: MemoryStore) -> None:
    from pywren.store.cancelling import read_cancelled

    cancel_calls(store, "c0ffee", ["00001"])
    cancel_calls(store, "c0ffee", ["00002"])
    cancelled = read_cancelled(store, "c0ffee")
    assert [cancelled(call_id) for call_id in ("00000", "00001", "00002")] == [False, True, True]
    cancel_calls(store, "c0ffee")
    cancel_calls(store, "c0ffee", ["00003"])
    assert read_cancelled(store, "c0ffee")("00000")


def test_a_closed_runner_leaves_no_outcome_of_what_it_stopped(
    client: Client, store: MemoryStore, open_runner: Callable[..., StoreRunner], tmp_path: Path
) -> None:
    runner = open_runner(store)
    callset = client.callset(_note_and_hang)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            runner.run(Dispatch(callset, inline(str(tmp_path / "started"))))
        except BackendError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 30
    while not (tmp_path / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    runner.close()
    thread.join()
    assert len(failures) == 1
    assert store.size_bytes(outcome_key(callset.callset_id, "00000")) is None


# -- what is in the outcome ------------------------------------------------------------------------


def test_the_workers_facts_are_in_the_outcome(
    client: Client, store: MemoryStore, open_runner: Callable[..., StoreRunner]
) -> None:
    runner = open_runner(store, facts={"request": "abc"})
    (outcome,) = runner.run(Dispatch(client.callset(abs), inline(1)))
    assert outcome.worker["request"] == "abc"
    assert outcome.worker["process_id"] in runner.process_ids()


def test_a_crash_is_an_outcome_like_others(client: Client, runner: StoreRunner) -> None:
    import os

    callset = client.callset(os._exit)
    crashed, fine = (
        runner.run(Dispatch(callset, inline(3))),
        runner.run(Dispatch(client.callset(abs), inline(-1))),
    )
    assert (crashed[0].kind, crashed[0].exit_code) == (OutcomeKind.CRASHED, 3)
    assert client.value(fine[0]) == 1


def _note(path: str) -> None:
    with open(path, "a") as file:
        file.write("x")


def _note_and_hang(path: str) -> None:
    _note(path)
    time.sleep(600)


def test_a_full_disk_or_a_bad_reference_fails_only_its_own_call(
    client: Client, runner: StoreRunner, tmp_path: Path
) -> None:
    callset = client.callset(len)
    inputs = tmp_path / "runner0" / "inputs"
    inputs.rmdir()
    inputs.write_text("no folder: as good as full")
    (large,) = client.data(callset, b"x" * 200_000)
    small = CallSpec("00001", dump_frame(b"xx"))
    escaping = CallSpec("00002", StoreRef("../outside", 1, "00" * 32))
    elsewhere = CallSpec("00003", OutcomeRef("gopher://x", callset.callset_id, "00000", KEY))
    outcomes = runner.run(Dispatch(callset, [large, small, escaping, elsewhere]))
    assert {outcome.call_id: outcome.kind for outcome in outcomes} == {
        "00000": OutcomeKind.UNAVAILABLE,
        "00001": OutcomeKind.VALUE,
        "00002": OutcomeKind.UNREADABLE,
        "00003": OutcomeKind.UNREADABLE,
    }


def test_a_function_that_no_key_can_name_is_unreadable(client: Client, runner: StoreRunner) -> None:
    callset = msgspec.structs.replace(client.callset(len), function="../outside")
    (outcome,) = runner.run(Dispatch(callset, inline("x")))
    assert outcome.kind is OutcomeKind.UNREADABLE


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("forged", [False, True])
def test_a_place_that_is_taken_by_no_outcome_of_ours_harms_only_its_own_call(
    client: Client, runner: StoreRunner, store: MemoryStore, redelivered: bool, forged: bool
) -> None:
    callset = client.callset(abs)
    newer = Outcome(
        callset_id=callset.callset_id, call_id="00000", kind=OutcomeKind.VALUE, protocol=99
    )
    record = b"forged" if forged else sign(newer, KEY)
    store.put(outcome_key(callset.callset_id, "00000"), record)
    with pytest.raises(StorageError, match="outcomes/00000/00000"):
        runner.run(Dispatch(callset, inline(-1, -2)), redelivered=redelivered)
    other = read_outcome(store, callset.callset_id, "00001", KEY)
    assert other is not None
    assert other.kind is OutcomeKind.VALUE
