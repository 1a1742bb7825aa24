"""What a monitor watches: the calls that are not over, in the blocks that their outcomes are
listed in, each with who wants to know and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pywren.store.layout import outcome_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pywren.backends import Deliver
    from pywren.protocol import CallsetSpec

__all__ = ["Block", "Call", "Party", "WatchedCallset"]


class Party(NamedTuple):
    """Who wants to know of calls that were watched together.

    Fields:
        deliver: takes their outcomes.
        lost_at: when they count as lost, by the monotonic clock.
        attempt: which attempt at the calls this is.
        abandoned: has the process ended that would have brought the outcomes?
    """

    deliver: Deliver
    lost_at: float
    attempt: int = 1
    abandoned: Callable[[], bool] | None = None


class Call(NamedTuple):
    """One outstanding call, for the time of a look; `last`: no other look will follow."""

    callset: CallsetSpec
    call_id: str
    party: Party
    last: bool


class Block(NamedTuple):
    """The outstanding calls of one block, for the time of a look."""

    callset: CallsetSpec
    name: str
    calls: dict[str, Call]


class WatchedCallset:
    """The outstanding calls of one callset. A call costs one entry in a dictionary."""

    def __init__(self, spec: CallsetSpec) -> None:
        self.spec = spec
        self._blocks: dict[str, dict[str, Party]] = {}

    def add(self, call_ids: Iterable[str], party: Party) -> None:
        """Watch calls; one that is watched already is from now on watched for this party."""
        for call_id in call_ids:
            self._blocks.setdefault(outcome_block(call_id), {})[call_id] = party

    def remove(self, call_id: str, party: Party | None = None) -> bool:
        """Watch a call no more; False if it is not watched (or not for `party`, if given)."""
        name = outcome_block(call_id)
        calls = self._blocks.get(name, {})
        if call_id not in calls or (party is not None and calls[call_id] is not party):
            return False
        del calls[call_id]
        if not calls:
            del self._blocks[name]
        return True

    def __bool__(self) -> bool:
        """Is anything outstanding?"""
        return bool(self._blocks)

    def parties(self) -> set[Party]:
        """Everybody who waits for some call."""
        return {party for calls in self._blocks.values() for party in calls.values()}

    def earliest_loss(self) -> float:
        """When the first call that is outstanding counts as lost."""
        return min((party.lost_at for party in self.parties()), default=float("inf"))

    def blocks(self, due: Callable[[Party], bool]) -> Iterator[Block]:
        """The outstanding calls, block by block; for which parties is this the last look?"""
        lasts = {party: due(party) for party in self.parties()}
        for name, calls in self._blocks.items():
            yield Block(
                self.spec,
                name,
                {
                    call_id: Call(self.spec, call_id, party, lasts[party])
                    for call_id, party in calls.items()
                },
            )
