"""One look into the store for outcomes, and what each answer means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pywren.errors import (
    IntegrityError,
    StorageError,
    StorageKeyError,
    StoragePermissionError,
    VersionMismatch,
)
from pywren.futures._polling import reads_directly, request_cost
from pywren.parallel import side_by_side
from pywren.protocol import ErrorInfo, Outcome, OutcomeKind
from pywren.store.commit import read_outcome
from pywren.store.layout import outcomes_prefix, parse_outcome_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pywren.futures._watched import Block, Call
    from pywren.store import Store

__all__ = ["Look", "lost_outcome", "unwatched_outcome"]

Answer = Outcome | StorageError | VersionMismatch | None


class _Found(NamedTuple):
    block: Block
    calls: list[Call]
    error: StorageError | None


class Look:
    """Goes once over the outstanding blocks, and gathers what it costs and what troubles it."""

    def __init__(self, store: Store, threads: int, sleep: Callable[[float], object]) -> None:
        self._store = store
        self._threads = threads
        self._sleep = sleep
        self.cost = 0.0
        self.trouble: StorageError | None = None
        self.answered = False

    def outcomes(self, blocks: Sequence[Block]) -> Iterator[list[tuple[Call, Outcome]]]:
        """The outcomes that are there, in batches, as they come; and, of calls for which this is
        the last look, those that say so."""
        for batch in side_by_side(self._read, self._promising(blocks), self._threads):
            ended = [(call, self._outcome(call, answer)) for call, answer in batch]
            yield [(call, outcome) for call, outcome in ended if outcome is not None]

    def _promising(self, blocks: Sequence[Block]) -> list[Call]:
        """The calls whose records are worth reading."""
        direct = [block for block in blocks if reads_directly(len(block.calls))]
        listed = [block for block in blocks if not reads_directly(len(block.calls))]
        calls = [call for block in direct for call in block.calls.values()]
        self.cost = request_cost(len(listed), len(calls))
        for batch in side_by_side(self._list, listed, self._threads):
            for _, found in batch:
                calls += found.calls
                self._note(found.error)
        return calls

    def _list(self, block: Block) -> _Found:
        """The calls of a block whose records exist, and those that will not be looked for again:
        a listing may lag behind, and what it says is no proof."""
        there = {call_id for call_id, call in block.calls.items() if call.last}
        try:
            for page in self._store.list(outcomes_prefix(block.callset.callset_id, block.name)):
                there.update(parsed[1] for e in page if (parsed := parse_outcome_key(e.key)))
        except StorageError as error:
            return _Found(block, _chosen(block, there), error)
        return _Found(block, _chosen(block, there), None)

    def _read(self, call: Call) -> Answer:
        callset = call.callset
        try:
            return read_outcome(
                self._store,
                callset.callset_id,
                call.call_id,
                callset.signing_key,
                sleep=self._sleep,
            )
        except (StorageError, VersionMismatch) as error:
            return error

    def _outcome(self, call: Call, answer: Answer) -> Outcome | None:
        if isinstance(answer, Outcome):
            self.answered = True
            return answer
        if isinstance(answer, IntegrityError | VersionMismatch):
            return _unusable_outcome(call, answer)
        self._note(answer)
        if not call.last:
            return None
        return unwatched_outcome(call, answer) if answer else lost_outcome(call)

    def _note(self, error: StorageError | None) -> None:
        if error is None:
            self.answered = True
        elif not isinstance(error, StorageKeyError):
            self.trouble = error

    @property
    def refused(self) -> bool:
        """Did the store say no, and nothing else?"""
        return isinstance(self.trouble, StoragePermissionError) and not self.answered


def _chosen(block: Block, call_ids: set[str]) -> list[Call]:
    return [block.calls[call_id] for call_id in call_ids & block.calls.keys()]


_LOST: Final = "no outcome came by its deadline: it was never started, or its worker was lost"
_ABANDONED: Final = "the process that ran it has ended"


def lost_outcome(call: Call) -> Outcome:
    """Nothing is there, and nothing is to be expected any more."""
    gone = call.party.abandoned
    said = _ABANDONED if gone is not None and gone() else _LOST
    return _own_outcome(call, OutcomeKind.LOST, ErrorInfo("CallLost", said))


def unwatched_outcome(call: Call, error: Exception) -> Outcome:
    """Nobody can tell what became of the call, because the store does not say."""
    said = f"the store could not be asked for its outcome: {error}"
    return _own_outcome(call, OutcomeKind.UNAVAILABLE, ErrorInfo(type(error).__name__, said))


def _unusable_outcome(call: Call, error: IntegrityError | VersionMismatch) -> Outcome:
    """Something is there that nobody may believe, or that this release cannot read."""
    from pywren.serialization.exceptions import describe
    from pywren.serialization.pickling import dump_frame

    if isinstance(error, VersionMismatch):
        return _own_outcome(call, OutcomeKind.VERSION_MISMATCH, describe(error))
    # As an exception of its own: `result` raises this error, and nobody sends the call again,
    # whose outcome would find its place taken.
    own = IntegrityError(str(error))
    return _own_outcome(call, OutcomeKind.EXCEPTION, describe(own), dump_frame(own))


def _own_outcome(
    call: Call, kind: OutcomeKind, error: ErrorInfo, output: bytes | None = None
) -> Outcome:
    return Outcome(
        callset_id=call.callset.callset_id,
        call_id=call.call_id,
        kind=kind,
        attempt=call.party.attempt,
        output=output,
        error=error,
        extra_meta=call.callset.extra_meta,
    )
