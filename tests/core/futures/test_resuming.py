"""Futures that outlive what made them: in another process, after its end, after its murder."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pywren
import pywren.errors
from pywren.errors import CallLost, ConfigError
from pywren.futures._resuming import callset_in_store, seconds_until_lost
from pywren.liveness import has_ended, is_here, owner_mark
from pywren.protocol import Outcome, OutcomeKind
from pywren.serialization.pickling import dump_frame
from pywren.store import open_store
from pywren.store.commit import commit_outcome

KEY = b"k" * 32

_SENDER = """
import pathlib, pickle, sys, time
import pywren
import pywren.errors

folder = pathlib.Path(sys.argv[1])

def wait_for_word(path):
    while not pathlib.Path(path).exists():
        time.sleep(0.01)
    return "the word"

executor = pywren.local_executor({"storage": {"url": (folder / "store").as_uri()}}, workers=1)
future = executor.call_async(wait_for_word, str(folder / "word"))
(folder / "new").write_bytes(pickle.dumps(future))
(folder / "new").rename(folder / "future")
"""


class Sender:
    """Another process, which sends a call that ends when this one says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen([sys.executable, "-c", _SENDER, str(folder)])

    def future(self) -> pywren.ResponseFuture[str]:
        deadline = time.monotonic() + 60
        while not (self.folder / "future").exists():
            assert time.monotonic() < deadline
            assert self.process.poll() in (None, 0)
            time.sleep(0.01)
        future: pywren.ResponseFuture[str] = pickle.loads((self.folder / "future").read_bytes())
        return future

    def say_the_word(self) -> None:
        (self.folder / "word").touch()


@pytest.fixture
def sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    (tmp_path / "t").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))
    sender = Sender(tmp_path)
    yield sender
    sender.say_the_word()
    sender.process.kill()
    sender.process.wait()


def test_a_result_is_had_in_another_process_while_the_call_still_ran(sender: Sender) -> None:
    future = sender.future()
    assert not future.done()
    sender.say_the_word()
    assert future.result(timeout=60) == "the word"
    assert future.run_status["attempt"] == 1


def test_a_result_is_had_after_the_process_that_sent_the_call_has_ended(sender: Sender) -> None:
    sender.future()
    sender.say_the_word()
    assert sender.process.wait(timeout=60) == 0
    assert sender.future().result(timeout=60) == "the word"


def test_a_call_whose_process_was_killed_is_lost_at_once(sender: Sender) -> None:
    future = sender.future()
    assert pywren.wait([future], timeout=0.5) == ([], [future])
    sender.process.send_signal(signal.SIGKILL)
    sender.process.wait()
    begin = time.monotonic()
    with pytest.raises(CallLost, match="the process that ran it has ended"):
        future.result(timeout=60)
    assert time.monotonic() - begin < 10


# -- in one process --------------------------------------------------------------------------------


@pytest.fixture
def url(tmp_path: Path) -> str:
    return (tmp_path / "store").as_uri()


def metadata(**more: Any) -> dict[str, Any]:
    return {"signing_key": KEY.hex(), "timeout": 60.0, "host_submit_time": time.time(), **more}


def leave(url: str, number: int = 0, **fields: Any) -> None:
    fields = {"kind": OutcomeKind.VALUE, "output": dump_frame(f"value {number}"), **fields}
    outcome = Outcome(callset_id="c0ffee", call_id=f"{number:05d}", attempt_id="a1", **fields)
    commit_outcome(open_store(url), outcome, KEY)


def resumed(url: str, number: int = 0, **more: Any) -> pywren.ResponseFuture[Any]:
    return pywren.ResponseFuture(f"{number:05d}", "c0ffee", metadata(**more), url)


def test_the_constructor_of_the_guide_finds_the_result(url: str) -> None:
    leave(url)
    assert resumed(url).result(timeout=30) == "value 0"


def test_several_futures_of_one_call_all_have_its_result(url: str) -> None:
    futures = [resumed(url) for _ in range(3)]
    leave(url)
    assert pywren.get_all_results(futures, timeout=30) == ["value 0"] * 3


def test_wait_with_always_looks_into_the_store_once(url: str) -> None:
    futures = [resumed(url, number) for number in range(3)]
    assert pywren.wait(futures, pywren.ALWAYS) == ([], futures)
    leave(url, 1)
    assert pywren.wait(futures, pywren.ALWAYS) == ([futures[1]], [futures[0], futures[2]])
    for future in futures:
        future.cancel()


def test_a_resumed_future_can_be_passed_on(url: str) -> None:
    leave(url)
    future = pickle.loads(pickle.dumps(resumed(url)))
    assert future.result(timeout=30) == "value 0"
    assert pickle.loads(pickle.dumps(future)).result(timeout=30) == "value 0"


def test_a_large_output_is_read_beside_its_record(url: str) -> None:
    leave(url, output=dump_frame(bytes(3_000_000)))
    assert resumed(url).result(timeout=30) == bytes(3_000_000)


def test_the_futures_of_one_callset_share_what_they_have_in_common(url: str) -> None:
    first, second = (callset_in_store("c0ffee", metadata(), url) for _ in range(2))
    assert first is second
    assert callset_in_store("beef", metadata(), url) is not first


def test_cancelling_leaves_a_word_for_the_workers(url: str) -> None:
    from pywren.store.cancelling import read_cancelled

    future, twin, other = resumed(url, 0), resumed(url, 0), resumed(url, 1)
    assert future.cancel()
    assert (future.cancelled(), twin.cancelled(), other.cancelled()) == (True, True, False)
    cancelled = read_cancelled(open_store(url), "c0ffee")
    assert (cancelled("00000"), cancelled("00001")) == (True, False)
    assert pickle.loads(pickle.dumps(future)).cancelled()
    other.cancel()


def test_the_signing_key_is_not_shown_with_the_facts(url: str) -> None:
    leave(url)
    future = resumed(url)
    assert KEY.hex() not in str(future.invoke_status)
    assert future.invoke_status["timeout"] == 60.0


def test_another_key_than_the_callsets_opens_nothing(url: str) -> None:
    leave(url)
    future = resumed(url, signing_key="ff" * 32)
    with pytest.raises(pywren.errors.IntegrityError):
        future.result(timeout=30)


@pytest.mark.parametrize("key", [None, "", "not hexadecimal", "ff", 7])
def test_a_future_without_a_usable_key_is_refused_at_once(url: str, key: object) -> None:
    with pytest.raises(ValueError, match="signing_key"):
        resumed(url, signing_key=key)


def test_a_store_that_cannot_be_opened_is_refused_at_once() -> None:
    with pytest.raises(ConfigError):
        resumed("nonsense")


# -- how long to wait ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "now", "expected"),
    [
        ({"timeout": 60.0}, 1000.0, 60.0),
        ({"timeout": 60.0, "queue_allowance": 40.0, "host_submit_time": 1000.0}, 1000.0, 100.0),
        ({"timeout": 60.0, "host_submit_time": 1000.0}, 1600.0, 60.0),
        ({"timeout": 60.0, "host_submit_time": 1000.0}, 1940.0, 20.0),
        ({"timeout": 60.0, "host_submit_time": 1000.0}, 9999.0, 0.0),
        ({"timeout": 60.0, "host_submit_time": 9999.0}, 1000.0, 60.0),
        ({}, 1000.0, 86400.0),
        ({"timeout": 60.0, "owner": "another-machine:/tmp/owner"}, 1000.0, 86400.0),
    ],
)
def test_how_long_a_resumed_call_is_waited_for(
    facts: dict[str, Any], now: float, expected: float
) -> None:
    assert seconds_until_lost(facts, now) == expected


def test_a_call_of_a_living_process_here_is_waited_for_as_long_as_that_lives() -> None:
    assert seconds_until_lost({"timeout": 1.0, "owner": owner_mark("/x")}, 0.0) == float("inf")


def test_the_end_of_an_owner_is_seen_here_and_not_guessed_elsewhere(tmp_path: Path) -> None:
    import fcntl

    path = tmp_path / "owner"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    mark = owner_mark(str(path))
    assert is_here(mark)
    assert not has_ended(mark)
    os.close(descriptor)
    assert has_ended(mark)
    path.unlink()
    assert has_ended(mark)
    assert not has_ended(f"another-machine:{path}")
