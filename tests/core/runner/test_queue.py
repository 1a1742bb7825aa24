"""Calls leave the queue in the order in which they came, each once."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pywren.protocol import CallsetSpec, CallSpec
from pywren.runner._functions import FunctionAt
from pywren.runner._work import Queue, Work, grouped, inline_bytes, matcher


class QueueMachine(RuleBasedStateMachine):
    """Beside a plain list of (callset, call)."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = Queue()
        self.works = [
            Work(
                CallsetSpec(callset_id=str(number), function="f", timeout=1.0), FunctionAt("f", b"")
            )
            for number in range(3)
        ]
        self.model: list[tuple[Work, CallSpec]] = []
        self.made = 0

    @rule(callset=st.integers(0, 2), sizes=st.lists(st.integers(0, 300), max_size=5))
    def add(self, callset: int, sizes: list[int]) -> None:
        calls = []
        for size in sizes:
            calls.append(CallSpec(f"{self.made:05d}", bytes(size)))
            self.made += 1
        self.queue.add(self.works[callset], calls)
        self.model += [(self.works[callset], call) for call in calls]

    @precondition(lambda self: self.model)
    @rule(most=st.integers(1, 6), most_bytes=st.integers(0, 500), back=st.booleans())
    def take(self, most: int, most_bytes: int, back: bool) -> None:
        work, calls = self.queue.take(most, most_bytes)
        assert 1 <= len(calls) <= most
        assert len(calls) == 1 or sum(map(inline_bytes, calls)) <= most_bytes
        assert [(work, call) for call in calls] == self.model[: len(calls)]
        if back:
            self.queue.put_back(work, calls)
        else:
            del self.model[: len(calls)]

    @precondition(lambda self: self.model)
    @rule(callset=st.integers(0, 2), data=st.data())
    def remove(self, callset: int, data: Any) -> None:
        ids = [call.call_id for _, call in self.model]
        wanted = data.draw(st.none() | st.sets(st.sampled_from(ids)))
        matches = matcher(str(callset), wanted)
        removed = self.queue.remove(matches)
        assert removed == [pair for pair in self.model if matches(*pair)]
        self.model = [pair for pair in self.model if not matches(*pair)]

    @invariant()
    def sizes_agree(self) -> None:
        assert len(self.queue) == len(self.model)
        if self.model:
            assert self.queue.first() is self.model[0][0]

    @invariant()
    def grouping_loses_nothing(self) -> None:
        flat = [(work, call) for work, calls in grouped(self.model) for call in calls]
        assert flat == self.model


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
