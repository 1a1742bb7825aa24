"""A callset that this process sends: what its courier must know of it until it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pywren.futures._callset import Callset, Origin

if TYPE_CHECKING:
    from pywren.backends import Sending
    from pywren.protocol import CallsetSpec, CallSpec

__all__ = ["SentCallset", "as_sent"]


class SentCallset(Callset):
    """A callset that this process sends."""

    def __init__(
        self,
        spec: CallsetSpec,
        origin: Origin,
        store_url: str,
        *,
        sending: Sending,
        retries: int,
        facts: dict[str, Any],
    ) -> None:
        super().__init__(spec.callset_id, store_url, origin, facts, spec.signing_key)
        self.spec = spec
        self.sending = sending
        self.retries = retries
        self.sealed = False
        self.shared: set[str] = set()
        self.held: dict[str, CallSpec] = {}
        """The calls for which the backend holds something, whatever becomes of them."""


def as_sent(callset: Callset) -> SentCallset:
    """The callset, which is one that this process sent; `TypeError` if it is not."""
    if isinstance(callset, SentCallset):
        return callset
    raise TypeError(f"callset {callset.callset_id} was not sent by this process")
