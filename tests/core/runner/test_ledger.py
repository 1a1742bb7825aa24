"""A call that was taken back is never started, one that was started is never taken back."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pywren.runner._ledger import Ledger


class LedgerMachine(RuleBasedStateMachine):
    """The supervisor sends numbers and takes some back; the child claims them in order."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.ledger = Ledger.create(str(Path(self.directory.name) / "ledger"))
        self.last = 0
        self.unread: list[int] = []  # what the child has yet to come to
        self.held: list[int] = []  # what the supervisor believes to be with the child
        self.ran: list[int] = []
        self.taken: list[int] = []

    def teardown(self) -> None:
        self.ledger.close()
        self.directory.cleanup()

    @rule(count=st.integers(1, 5))
    def send(self, count: int) -> None:
        numbers = range(self.last + 1, self.last + count + 1)
        self.last += count
        self.unread += numbers
        self.held += numbers

    @precondition(lambda self: self.unread)
    @rule()
    def child_comes_to_the_next(self) -> None:
        number = self.unread.pop(0)
        if self.ledger.claim(number, 1.0):
            assert self.ledger.progress() == (number, 1.0)
            self.ran.append(number)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def supervisor_takes_back(self, data: Any) -> None:
        after = data.draw(st.sampled_from([0, *self.held]))
        stays = self.ledger.take_back(after, self.last)
        gone = [number for number in self.held if number > stays]
        self.held = [number for number in self.held if number <= stays]
        self.taken += gone

    @rule()
    def supervisor_hears_of_ended_calls(self) -> None:
        started = self.ledger.progress().number
        self.held = [number for number in self.held if number >= started]

    @invariant()
    def nothing_runs_that_was_taken_back(self) -> None:
        assert not set(self.ran) & set(self.taken)
        assert len(set(self.ran)) == len(self.ran)

    @invariant()
    def nothing_is_lost(self) -> None:
        waiting = set(range(1, self.last + 1)) - set(self.ran) - set(self.taken)
        assert waiting <= set(self.unread)
        assert waiting <= set(self.held)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_after_zero_all_that_has_not_started_is_taken_back(tmp_path: Path) -> None:
    ledger = Ledger.create(str(tmp_path / "ledger"))
    assert ledger.take_back(0, 5) == 0
    assert not any(ledger.claim(number, 1.0) for number in range(1, 6))
    assert ledger.claim(6, 1.0)
    ledger.close()


def test_the_file_is_gone_from_the_directory(tmp_path: Path) -> None:
    before = list(tmp_path.iterdir())
    ledger = Ledger.create(str(tmp_path / "ledger"))
    assert list(tmp_path.iterdir()) == before
    ledger.close()
