"""The monitor finds outcomes in a store: all of them, soon, with few requests, whatever happens.

Time is moved here, not waited for: the monitor's sleep advances the clock that it reads.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

from pywren.errors import IntegrityError, StoragePermissionError
from pywren.futures._endings import open_outcome
from pywren.futures._monitor import Monitor
from pywren.futures._outputs import read_output
from pywren.futures._polling import DIRECT_CALLS, FIRST_PAUSE
from pywren.protocol import CallsetSpec, Outcome, OutcomeKind, new_callset_id
from pywren.serialization.pickling import dump_frame
from pywren.store import Entry, Store
from pywren.store.commit import commit_outcome
from pywren.store.layout import outcome_key
from pywren.testing import Fault, MemoryStore, SabotagedStore

KEY = b"k" * 32


class Time:
    """A clock that sleeping moves, and what happens at which moment."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self._began: list[float] = []
        self._events: list[tuple[float, Callable[[], object]]] = []

    def at(self, moment: float, action: Callable[[], object]) -> None:
        self._events.append((moment, action))
        self._events.sort(key=lambda event: event[0])

    def pause_after(self, moment: float) -> float:
        return next(p for p, began in zip(self.pauses, self._began, strict=True) if began >= moment)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._began.append(self.now)
        self.now += seconds
        while self._events and self._events[0][0] <= self.now:
            self._events.pop(0)[1]()


class Inbox:
    """What was delivered, by call id; and when, by the test's clock."""

    def __init__(self, time: Time) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.at: dict[str, float] = {}
        self.times_delivered = 0
        self._time = time
        self._changed = threading.Condition()

    def deliver(self, outcomes: list[Outcome]) -> None:
        with self._changed:
            for outcome in outcomes:
                self.times_delivered += 1
                self.outcomes[outcome.call_id] = outcome
                self.at[outcome.call_id] = self._time.now
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.outcomes) >= count, 30)


class Calls:
    """The calls of one callset, and their outcomes when the test says so."""

    def __init__(self, store: Store) -> None:
        self.spec = CallsetSpec(
            callset_id=new_callset_id(), function="", timeout=60.0, signing_key=KEY
        )
        self._store = store

    def end(self, *numbers: int, value: object = None, store: Store | None = None) -> None:
        for number in numbers:
            outcome = Outcome(
                callset_id=self.spec.callset_id,
                call_id=f"{number:05d}",
                kind=OutcomeKind.VALUE,
                attempt_id=f"attempt-{number}",
                output=dump_frame(value),
            )
            commit_outcome(store or self._store, outcome, KEY)


def ids(*numbers: int) -> list[str]:
    return [f"{number:05d}" for number in numbers]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def time_() -> Time:
    return Time()


@pytest.fixture
def inbox(time_: Time) -> Inbox:
    return Inbox(time_)


@pytest.fixture
def calls(store: MemoryStore) -> Calls:
    return Calls(store)


@pytest.fixture
def monitor(store: MemoryStore, time_: Time) -> Iterator[Monitor]:
    monitor = Monitor(store, clock=time_.clock, sleep=time_.sleep)
    yield monitor
    monitor.close()


# -- finding ---------------------------------------------------------------------------------------


def test_outcomes_that_are_there_are_found_with_the_first_look(
    monitor: Monitor, calls: Calls, inbox: Inbox
) -> None:
    calls.end(0, 1, 2)
    monitor.watch(calls.spec, ids(0, 1, 2), inbox.deliver, lost_at=1000)
    inbox.wait_for(3)
    assert {outcome.kind for outcome in inbox.outcomes.values()} == {OutcomeKind.VALUE}
    assert inbox.at["00000"] == 0.0


def test_an_outcome_that_comes_soon_is_found_within_tens_of_milliseconds(
    monitor: Monitor, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    time_.at(0.05, lambda: calls.end(0))
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=1000)
    inbox.wait_for(1)
    assert inbox.at["00000"] <= 0.1


def test_pauses_grow_to_the_longest_that_was_asked_for(
    monitor: Monitor, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    monitor.set_pace(8, 2.0)
    time_.at(600, lambda: calls.end(0))
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=1000)
    inbox.wait_for(1)
    assert max(time_.pauses) == 2.0
    assert inbox.at["00000"] <= 602


def test_progress_makes_the_next_looks_come_soon_again(
    monitor: Monitor, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    time_.at(100, lambda: calls.end(0))
    time_.at(106, lambda: calls.end(1))
    monitor.watch(calls.spec, ids(0, 1), inbox.deliver, lost_at=1000)
    inbox.wait_for(2)
    found_at = inbox.at["00000"]
    assert time_.pause_after(found_at) == pytest.approx(FIRST_PAUSE)


def test_every_call_of_many_is_found_exactly_once(
    monitor: Monitor, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    for start in range(0, 2500, 500):
        time_.at(start / 100, lambda start=start: calls.end(*range(start, start + 500)))  # type: ignore[misc]
    monitor.watch(calls.spec, ids(*range(2500)), inbox.deliver, lost_at=1000)
    inbox.wait_for(2500)
    assert inbox.times_delivered == 2500


# -- what it costs ---------------------------------------------------------------------------------


def test_a_get_per_call_and_a_list_per_outstanding_block_is_all_that_it_takes(
    monitor: Monitor, calls: Calls, inbox: Inbox, store: MemoryStore
) -> None:
    calls.end(*range(3000))
    store.counts.clear()
    monitor.watch(calls.spec, ids(*range(3000)), inbox.deliver, lost_at=1000)
    inbox.wait_for(3000)
    assert dict(store.counts) == {"get": 3000, "list": 3}


def test_finished_blocks_are_never_listed_again(
    monitor: Monitor, calls: Calls, inbox: Inbox, store: MemoryStore, time_: Time
) -> None:
    calls.end(*range(1000))
    time_.at(50, lambda: calls.end(*range(1000, 1100)))
    listed: Counter[str] = Counter()
    plain = store.list

    def counting(prefix: str = "", *, after: str | None = None) -> Iterator[Sequence[Entry]]:
        listed[prefix[-5:]] += 1
        return plain(prefix, after=after)

    store.list = counting  # type: ignore[method-assign]
    monitor.watch(calls.spec, ids(*range(1100)), inbox.deliver, lost_at=1000)
    inbox.wait_for(1100)
    assert listed["00000"] == 1
    assert listed["00001"] > 5


def test_few_outstanding_calls_are_asked_for_by_name(
    monitor: Monitor, calls: Calls, inbox: Inbox, store: MemoryStore, time_: Time
) -> None:
    count = DIRECT_CALLS
    time_.at(1, lambda: calls.end(*range(count)))
    monitor.watch(calls.spec, ids(*range(count)), inbox.deliver, lost_at=1000)
    inbox.wait_for(count)
    assert store.counts["list"] == 0


def test_nothing_outstanding_means_no_requests_and_no_thread(
    monitor: Monitor, calls: Calls, inbox: Inbox, store: MemoryStore
) -> None:
    calls.end(0)
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=1000)
    inbox.wait_for(1)
    until_gone("pywren-monitor")
    before = dict(store.counts)
    monitor.set_pace(8, 1.0, look_now=True)
    assert dict(store.counts) == before


def test_calls_watched_after_the_thread_has_ended_are_found_too(
    monitor: Monitor, calls: Calls, inbox: Inbox
) -> None:
    for number in range(3):
        calls.end(number)
        monitor.watch(calls.spec, ids(number), inbox.deliver, lost_at=1000)
        inbox.wait_for(number + 1)


def test_steady_progress_of_many_calls_costs_no_more_lists_than_that_of_few(
    monitor: Monitor, store: MemoryStore, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    for tick in range(300):
        time_.at(tick / 10, lambda tick=tick: calls.end(tick))  # type: ignore[misc]
    time_.at(30, lambda: calls.end(*range(300, 10_000)))
    for start in range(0, 10_000, 500):
        monitor.watch(calls.spec, ids(*range(start, start + 500)), inbox.deliver, lost_at=1000)
    inbox.wait_for(10_000)
    assert store.counts["list"] <= inbox.at["09999"] / FIRST_PAUSE + 20


# -- losing ----------------------------------------------------------------------------------------


def test_a_call_without_an_outcome_is_lost_at_its_deadline(
    monitor: Monitor, calls: Calls, inbox: Inbox
) -> None:
    monitor.watch(calls.spec, ids(7), inbox.deliver, lost_at=42.0, attempt=3)
    inbox.wait_for(1)
    assert (inbox.outcomes["00007"].kind, inbox.at["00007"]) == (OutcomeKind.LOST, 42.0)
    assert inbox.outcomes["00007"].attempt == 3


def test_an_outcome_that_came_just_before_the_deadline_is_found_by_the_last_look(
    monitor: Monitor, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    monitor.set_pace(8, 1000.0)
    time_.at(42.0, lambda: calls.end(0))
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=42.0)
    inbox.wait_for(1)
    assert inbox.outcomes["00000"].kind is OutcomeKind.VALUE


def test_a_lost_call_harms_no_other(
    monitor: Monitor, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    time_.at(50, lambda: calls.end(*range(1, 100)))
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=10)
    monitor.watch(calls.spec, ids(*range(1, 100)), inbox.deliver, lost_at=1000)
    inbox.wait_for(100)
    kinds = [inbox.outcomes[call_id].kind for call_id in ids(*range(100))]
    assert kinds == [OutcomeKind.LOST] + [OutcomeKind.VALUE] * 99


def test_a_listing_that_lags_loses_no_call(store: MemoryStore, inbox: Inbox, time_: Time) -> None:
    lagging = SabotagedStore(store, [Fault("list", "*", "stale", times=10**9)])
    calls = Calls(store)
    calls.end(*range(100))
    monitor = Monitor(lagging, clock=time_.clock, sleep=time_.sleep)
    monitor.watch(calls.spec, ids(*range(100)), inbox.deliver, lost_at=30)
    inbox.wait_for(100)
    assert {outcome.kind for outcome in inbox.outcomes.values()} == {OutcomeKind.VALUE}


def test_a_record_that_is_not_there_yet_is_found_later(
    store: MemoryStore, inbox: Inbox, time_: Time
) -> None:
    lagging = SabotagedStore(store, [Fault("get", "*", "stale", times=3)])
    calls = Calls(store)
    calls.end(0)
    monitor = Monitor(lagging, clock=time_.clock, sleep=time_.sleep)
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=1000)
    inbox.wait_for(1)
    assert inbox.outcomes["00000"].kind is OutcomeKind.VALUE


def test_a_call_whose_origin_has_ended_is_lost_at_once(
    monitor: Monitor, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    monitor.watch(
        calls.spec,
        ids(0),
        inbox.deliver,
        lost_at=float("inf"),
        abandoned=lambda: time_.now > 20,
    )
    inbox.wait_for(1)
    assert inbox.at["00000"] <= 26
    assert "the process that ran it has ended" in str(inbox.outcomes["00000"].error)


def test_an_outcome_left_by_an_origin_that_has_ended_is_found(
    monitor: Monitor, calls: Calls, inbox: Inbox
) -> None:
    calls.end(0)
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=float("inf"), abandoned=lambda: True)
    inbox.wait_for(1)
    assert inbox.outcomes["00000"].kind is OutcomeKind.VALUE


# -- what the store does wrong ---------------------------------------------------------------------


def test_a_forged_record_fails_its_own_call_and_is_never_unpickled(
    monitor: Monitor, store: MemoryStore, calls: Calls, inbox: Inbox
) -> None:
    calls.end(0, 2)
    store.put(outcome_key(calls.spec.callset_id, "00001"), b"PWO1" + b"\0" * 200)
    monitor.watch(calls.spec, ids(0, 1, 2), inbox.deliver, lost_at=1000)
    inbox.wait_for(3)
    _, error = open_outcome(
        inbox.outcomes["00001"], lambda outcome: read_output(outcome, store, store.url)
    )
    assert isinstance(error, IntegrityError)
    assert outcome_key(calls.spec.callset_id, "00001") in str(error)
    assert inbox.outcomes["00000"].kind is inbox.outcomes["00002"].kind is OutcomeKind.VALUE


def test_a_record_that_was_damaged_on_the_way_is_read_again(
    store: MemoryStore, inbox: Inbox, time_: Time
) -> None:
    damaging = SabotagedStore(
        store, [Fault("get", "*", "flip", times=2), Fault("get", "*", "truncate", first=2)]
    )
    calls = Calls(store)
    calls.end(0)
    monitor = Monitor(damaging, clock=time_.clock, sleep=time_.sleep)
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=1000)
    inbox.wait_for(1)
    assert inbox.outcomes["00000"].kind is OutcomeKind.VALUE


@pytest.mark.parametrize("count", [3, 100], ids=["read", "listed"])
def test_a_store_that_is_away_for_a_while_is_waited_for_with_one_warning(
    store: MemoryStore, inbox: Inbox, time_: Time, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    plan = [Fault("get", "*", "error", times=10), Fault("list", "*", "error", times=10)]
    calls = Calls(store)
    calls.end(*range(count))
    monitor = Monitor(SabotagedStore(store, plan), clock=time_.clock, sleep=time_.sleep)
    with caplog.at_level(logging.WARNING, "pywren"):
        monitor.watch(calls.spec, ids(*range(count)), inbox.deliver, lost_at=1000)
        inbox.wait_for(count)
        until_gone("pywren-monitor")
    assert {outcome.kind for outcome in inbox.outcomes.values()} == {OutcomeKind.VALUE}
    assert sum("unavailable since" in record.message for record in caplog.records) == 1


def test_a_store_that_stays_away_is_named_at_the_deadline(
    store: MemoryStore, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    away = SabotagedStore(store, [Fault("get", "*", "error", times=10**9)])
    monitor = Monitor(away, clock=time_.clock, sleep=time_.sleep)
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=30)
    inbox.wait_for(1)
    assert inbox.outcomes["00000"].kind is OutcomeKind.UNAVAILABLE
    assert "503 SlowDown" in str(inbox.outcomes["00000"].error)


def test_a_store_that_says_no_is_not_asked_for_ever(
    store: MemoryStore, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    class Refusing(MemoryStore):
        def get(self, key: str, *, offset: int = 0, size_bytes: int | None = None) -> bytes:
            raise StoragePermissionError(f"get {key}: access denied")

    monitor = Monitor(Refusing(), clock=time_.clock, sleep=time_.sleep)
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=10_000)
    inbox.wait_for(1)
    assert inbox.at["00000"] < 1
    assert "access denied" in str(inbox.outcomes["00000"].error)


def test_not_even_a_bug_lets_anybody_wait_for_ever(
    store: MemoryStore, calls: Calls, inbox: Inbox, time_: Time
) -> None:
    class Broken(MemoryStore):
        def get(self, key: str, *, offset: int = 0, size_bytes: int | None = None) -> bytes:
            raise RuntimeError("nobody thought of this")

    monitor = Monitor(Broken(), clock=time_.clock, sleep=time_.sleep)
    monitor.watch(calls.spec, ids(0, 1), inbox.deliver, lost_at=10_000)
    inbox.wait_for(2)
    assert "nobody thought of this" in str(inbox.outcomes["00000"].error)


# -- what is said to it ----------------------------------------------------------------------------


def test_a_look_now_is_over_when_it_returns(store: MemoryStore, calls: Calls, inbox: Inbox) -> None:
    monitor = Monitor(store)
    monitor.set_pace(8, 10_000.0)
    monitor.watch(calls.spec, ids(*range(100)), inbox.deliver, lost_at=float("inf"))
    for number in range(3):
        calls.end(number)
        monitor.set_pace(8, 10_000.0, look_now=True)
        assert f"{number:05d}" in inbox.outcomes
    monitor.close()


def test_whoever_is_told_of_an_outcome_may_ask_for_a_look(
    monitor: Monitor, calls: Calls, inbox: Inbox
) -> None:
    def deliver(outcomes: Sequence[Outcome]) -> None:
        monitor.set_pace(8, 5.0, look_now=True)
        inbox.deliver(outcomes)

    calls.end(0)
    monitor.watch(calls.spec, ids(0, 1), deliver, lost_at=1000)
    inbox.wait_for(2)


def test_forgotten_calls_are_not_looked_for(store: MemoryStore, calls: Calls, inbox: Inbox) -> None:
    monitor = Monitor(store)
    monitor.watch(calls.spec, ids(0, 1), inbox.deliver, lost_at=float("inf"))
    monitor.forget(calls.spec.callset_id, ids(0))
    calls.end(0, 1)
    inbox.wait_for(1)
    assert list(inbox.outcomes) == ids(1)
    until_gone("pywren-monitor")


def test_a_closed_monitor_has_no_thread_and_tells_nothing(
    store: MemoryStore, calls: Calls, inbox: Inbox
) -> None:
    monitor = Monitor(store)
    monitor.watch(calls.spec, ids(0), inbox.deliver, lost_at=float("inf"))
    monitor.close()
    monitor.close()
    until_gone("pywren-monitor")
    assert not inbox.outcomes


def test_a_thousand_calls_take_no_thousand_threads(
    store: MemoryStore, calls: Calls, inbox: Inbox
) -> None:
    most = 0
    plain = store.get

    def counting(key: str, *, offset: int = 0, size_bytes: int | None = None) -> bytes:
        nonlocal most
        most = max(most, sum(t.name == "pywren-requests" for t in threading.enumerate()))
        return plain(key, offset=offset, size_bytes=size_bytes)

    store.get = counting  # type: ignore[method-assign]
    calls.end(*range(1000))
    monitor = Monitor(store)
    monitor.set_pace(7, 5.0)
    monitor.watch(calls.spec, ids(*range(1000)), inbox.deliver, lost_at=float("inf"))
    inbox.wait_for(1000)
    assert 1 <= most <= 7


def until_gone(name: str) -> None:
    """Until no thread of this name is left."""
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(30)
            assert not thread.is_alive()
