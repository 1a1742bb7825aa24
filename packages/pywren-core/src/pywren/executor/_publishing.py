"""Outcomes that another process waits for, put into the store by the one that got them."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import msgspec

from pywren.errors import StorageError
from pywren.futures._outputs import inline_output
from pywren.protocol import ErrorInfo, Outcome, OutcomeKind

if TYPE_CHECKING:
    from pywren.executor._sent_callset import SentCallset

__all__ = ["cancelled_outcome", "publish"]

log = logging.getLogger("pywren.calls")


def publish(callset: SentCallset, outcome: Outcome) -> None:
    """Put an outcome into the store; the first one that was put there stays."""
    from pywren.store import open_store
    from pywren.store.commit import commit_outcome

    try:
        whole = inline_output(outcome)
        signed = msgspec.structs.replace(whole, attempt_id=os.urandom(16).hex())
        commit_outcome(open_store(callset.store_url), signed, callset.spec.signing_key)
    except (OSError, StorageError) as error:
        log.warning(
            "the outcome of call %s of callset %s cannot be shared with other processes: %s",
            outcome.call_id,
            callset.callset_id[:8],
            error,
        )


def cancelled_outcome(callset: SentCallset, call_id: str) -> Outcome:
    """What another process is told of a call whose future was cancelled here."""
    return Outcome(
        callset_id=callset.callset_id,
        call_id=call_id,
        kind=OutcomeKind.CANCELLED,
        error=ErrorInfo("CANCELLED", "its future was cancelled"),
        extra_meta=callset.spec.extra_meta,
    )
