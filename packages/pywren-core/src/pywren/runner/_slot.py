"""A worker slot: one child process and what its supervisor knows of it.

The slot sends calls and reads outcomes, and it is the one that tells what became of the calls of
a child that died. It never waits: whoever runs it waits for its pipe.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pywren.protocol import CallSpec, ErrorInfo, Outcome, OutcomeKind
from pywren.runner._endings import Killed, crash_outcome
from pywren.runner._memory import resident_bytes
from pywren.runner._policy import overdue
from pywren.runner._wire import CALLS, DROP, FUNCTION, OUTCOME, READY, MessageReader, message
from pywren.runner._work import Work, inline_bytes

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from pywren.runner._functions import FunctionAt
    from pywren.runner._process import ChildProcess

__all__ = ["Slot"]

_READ_BYTES = 1024 * 1024
_IN_FLIGHT_BYTES = 512 * 1024
START_SECONDS = 60.0
"""A child that is not ready by then, or has not begun the call whose turn it is, never will."""

_CUT_OFF = (
    "it closed the connection to its supervisor: a call must leave alone the descriptors that it "
    "did not open"
)

_encode = msgspec.msgpack.Encoder().encode
_decode_outcome = msgspec.msgpack.Decoder(Outcome).decode


class _Sent(NamedTuple):
    work: Work
    call: CallSpec


class Slot:
    """One child process, from its start to its end; a dead child's slot is thrown away."""

    def __init__(self, process: ChildProcess, memory_limit_bytes: int | None = None) -> None:
        self._process = process
        self._reader = MessageReader()
        self._sent: dict[int, _Sent] = {}
        self._last_number = 0
        self._unsent = bytearray()
        self._functions: dict[str, None] = {}
        self._in_flight_bytes = 0
        self._memory_limit_bytes = memory_limit_bytes
        self._peak_bytes = 0
        self._worker: dict[str, Any] = {"process_id": self._process.process_id}
        self.killed: Killed | None = None
        self.ready = False
        self.noisy = False
        self._garbled = False
        self._waits_since = time.monotonic()

    @property
    def inbox(self) -> int:
        """A descriptor to wait for: readable when there are outcomes or the child is gone."""
        return self._process.inbox

    @property
    def outbox(self) -> socket.socket:
        """What to wait for if `wants_to_write`."""
        return self._process.socket

    @property
    def process_id(self) -> int:
        """The child's process id."""
        return self._process.process_id

    @property
    def load(self) -> int:
        """How many calls the child holds, the running one included."""
        return len(self._sent)

    @property
    def wants_to_write(self) -> bool:
        """Is there something that the socket did not take yet?"""
        return bool(self._unsent)

    def room_bytes(self) -> int:
        """How many bytes of inline input may be sent ahead."""
        return _IN_FLIGHT_BYTES - self._in_flight_bytes

    def send(self, work: Work, calls: Sequence[CallSpec]) -> None:
        """Send calls of one callset, and before them their function if the child lacks it."""
        if self.ready and not self._sent:
            self._waits_since = time.monotonic()
        known = work.function.digest in self._functions
        parts = [] if known else [self._announce(work.function)]
        first = self._last_number + 1
        for number, call in enumerate(calls, first):
            self._sent[number] = _Sent(work, call)
            self._in_flight_bytes += inline_bytes(call)
        self._last_number += len(calls)
        parts.append(message(CALLS, work.encoded + _encode(calls), first))
        self._unsent += b"".join(parts)
        self.flush()

    def _announce(self, function: FunctionAt) -> bytes:
        self._functions[function.digest] = None
        return message(FUNCTION, _encode(function))

    def forget_function(self, digest: str) -> None:
        """Tell the child that it will not need a function again."""
        if self._functions.pop(digest, 0) is None:
            self._unsent += message(DROP, digest.encode())
            self.flush()

    def flush(self) -> None:
        """Write as much as the socket takes now."""
        while self._unsent:
            try:
                written = self.outbox.send(self._unsent)
            except BlockingIOError:
                return
            except OSError:  # the child is gone: reading will tell
                self._unsent.clear()
                return
            del self._unsent[:written]

    def receive(self) -> tuple[list[Outcome], bool]:
        """The outcomes that have come, and whether the child is still there."""
        outcomes: list[Outcome] = []
        if self._garbled:  # nothing that follows means anything
            return outcomes, False
        try:
            data = os.read(self.inbox, _READ_BYTES)
        except BlockingIOError:
            return outcomes, True
        try:
            for kind, number, body in self._reader.feed(data):
                if kind == OUTCOME:
                    self._ended(number, body, outcomes)
                elif kind == READY:
                    self.ready = True
                    self._waits_since = time.monotonic()
                    self._worker = msgspec.msgpack.decode(body)
        except msgspec.MsgspecError as error:
            self.kill(Killed(OutcomeKind.CRASHED, reason=f"it sent no outcome but {error}"))
            self._garbled = True
            return outcomes, False
        return outcomes, bool(data)

    def _ended(self, number: int, body: bytes, outcomes: list[Outcome]) -> None:
        outcome = _decode_outcome(body)
        sent = self._sent.pop(number, None)
        if sent is None:  # cancelled in the very moment in which it ended
            return
        sent.work.took(outcome.setup_seconds + outcome.run_seconds)
        self._in_flight_bytes -= inline_bytes(sent.call)
        self._waits_since = time.monotonic()
        outcomes.append(outcome)

    def running(self) -> _Sent | None:
        """The call that runs now, if one does."""
        return self._sent.get(self._process.ledger.progress().number)

    def check(self, now: float) -> tuple[float, list[tuple[Work, CallSpec]]]:
        """Kill the child if its call has run too long or holds too much memory, and keep its
        output files short. Returns in how many seconds its call will have run too long, and the
        calls that it had to give back."""
        self.noisy = self._process.stdout.trim() | self._process.stderr.trim()
        if self.killed:
            return float("inf"), []
        progress = self._process.ledger.progress()
        sent = self._sent.get(progress.number)
        if sent is None or not self.ready:
            return self._check_stuck(now), []
        timeout = sent.work.callset.timeout
        why = self._passed_limit(overdue(progress.started_at, timeout, now), timeout)
        if why is None:
            return progress.started_at + timeout - now, []
        # Nothing else may start now: what dies is the call that passed the limit, or nobody.
        # The first look took no lock, and may have found a new number beside an old time.
        returned = self.take_back_all()
        if self._process.ledger.progress() == progress:
            self.kill(why)
        return float("inf"), returned

    def _check_stuck(self, now: float) -> float:
        """Kill a child that should come up or begin a call, and does not: a thread that an
        earlier call left behind may keep the interpreter for itself."""
        if self.ready and not self._sent:
            return float("inf")
        left = self._waits_since + START_SECONDS - now
        if left <= 0:
            what = "begin a call" if self.ready else "come up"
            reason = f"it did not {what} within {START_SECONDS:g} s"
            self.kill(Killed(OutcomeKind.CRASHED, reason=reason))
        return left

    def _passed_limit(self, too_long: bool, timeout: float) -> Killed | None:
        used = resident_bytes(self._process.process_id) or 0
        self._peak_bytes = max(self._peak_bytes, used)
        if self._memory_limit_bytes is not None and used > self._memory_limit_bytes:
            return Killed(OutcomeKind.OUT_OF_MEMORY, self._memory_limit_bytes)
        return Killed(OutcomeKind.TIMED_OUT, timeout) if too_long else None

    def kill(self, why: Killed) -> None:
        """Kill the child; its pipe will close, and `bury` tells what became of its calls."""
        self.killed = self.killed or why
        self._process.kill()

    def take_back(self, most: int) -> list[tuple[Work, CallSpec]]:
        """Take back up to `most` of the calls that the child has not started, latest first; but
        not the first, which it is about to start if it has not."""
        waiting = max(0, self.load - 1)
        keep = list(self._sent)[: self.load - min(most, waiting)]
        stays = self._process.ledger.take_back(keep[-1] if keep else 0, self._last_number)
        return self._withdraw(lambda number, _: number > stays)

    def take_back_matching(
        self, matches: Callable[[Work, CallSpec], bool]
    ) -> list[tuple[Work, CallSpec]]:
        """Take back the calls that match and have not started; the others are sent again."""
        if not any(matches(*sent) for sent in self._sent.values()):
            return []
        return self.take_back_all()

    def take_back_all(self) -> list[tuple[Work, CallSpec]]:
        """Take back all calls that the child has not started, be it the very first."""
        stays = self._process.ledger.take_back(0, self._last_number)
        return self._withdraw(lambda number, _: number > stays)

    def _withdraw(self, gone: Callable[[int, _Sent], bool]) -> list[tuple[Work, CallSpec]]:
        withdrawn = self._take_sent(gone)
        self._in_flight_bytes -= sum(inline_bytes(sent.call) for sent in withdrawn)
        return [(sent.work, sent.call) for sent in withdrawn]

    def _take_sent(self, gone: Callable[[int, _Sent], bool]) -> list[_Sent]:
        numbers = [number for number, sent in self._sent.items() if gone(number, sent)]
        return [self._sent.pop(number) for number in numbers]

    def has_died(self) -> bool:
        """Is the process gone, though something may still hold its pipe open?"""
        return self._process.has_ended()

    def bury(self) -> tuple[list[Outcome], list[tuple[Work, CallSpec]]]:
        """Reap the child. Returns the outcomes of the calls that ended or died with it, and the
        calls that it never started."""
        if self.killed is None and not self._process.ends_by_itself():
            self.killed = Killed(OutcomeKind.CRASHED, reason=_CUT_OFF)
        ended = self._process.wait()
        number, started_at = self._process.ledger.progress()
        outcomes = self._last_words()
        peak = max(ended.peak_memory_bytes, self._peak_bytes)
        # The call that ran; and if the child talked nonsense, those whose outcomes were lost in it.
        victims = self._take_sent(lambda each, _: each <= number)
        tails = (b"", b"")
        if victims:
            tails = (self._process.stdout.take(), self._process.stderr.take())
        outcomes += [
            crash_outcome(
                victim.work.callset,
                victim.call,
                ended._replace(peak_memory_bytes=peak),
                self.killed,
                run_seconds=time.monotonic() - started_at,
                tails=tails,
                worker=self._worker,
            )
            for victim in victims
        ]
        unstarted = [(sent.work, sent.call) for sent in self._sent.values()]
        self._sent.clear()
        return outcomes, unstarted

    def _last_words(self) -> list[Outcome]:
        outcomes: list[Outcome] = []
        there = True
        while there:
            more, there = self.receive()
            outcomes += more
            there = there and bool(more)
        return outcomes

    def start_failure(self) -> ErrorInfo:
        """Why a child that never became ready died, in its own words."""
        said = self._process.stderr.take().decode(errors="backslashreplace").strip()
        reason = self.killed.reason if self.killed else said
        return ErrorInfo("WorkerCrashed", f"the worker process could not start: {reason}", said)

    def close(self) -> None:
        """Give back what belonged to the child, which has been buried."""
        self._process.close()
