"""The first writer of an outcome wins, and nobody ever sees two.

Messages are delivered twice, workers are taken for dead and are not, and slow calls get a second
copy. So several attempts at one call may end, each with its own outcome::

    attempt a1                     store                       attempt a2
    output -> output/00007/a1                     output/00007/a2 <- output
    create outcomes/00000/00007 ->  a1's record
                                    taken         <- create outcomes/00000/00007
                                    a1's record   -> read back: a1 has won

The record is created only if its key is free. Whoever finds it taken reads it back: if it is
another attempt's, that one has won; if it is one's own, an earlier try had succeeded and only the
reply to it was lost. A large output is an object of its own, stored before the record that points
to it, under a key that no other attempt writes.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Final

import msgspec

from pywren.errors import IntegrityError, StorageError, StorageKeyError, StoragePermissionError
from pywren.protocol import Outcome, StoreRef
from pywren.store import layout
from pywren.store.records import sign, verify
from pywren.store.references import read_reference
from pywren.store.retrying import retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pywren.store.interface import Bytes, Store

__all__ = ["INLINE_OUTPUT_BYTES", "commit_outcome", "read_outcome", "read_output"]

INLINE_OUTPUT_BYTES: Final = 1 << 20
"""Up to this size an output rides in its outcome record: one request less to write and to read."""


def commit_outcome(
    store: Store,
    outcome: Outcome,
    signing_key: bytes,
    *,
    output: Sequence[Bytes] | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Outcome:
    """Store the outcome, unless another attempt at the same call was first.

    Args:
        store: where the call's callset lives.
        outcome: what became of this attempt; its `attempt_id` must tell it from any other.
        signing_key: the callset's.
        output: the output in pieces, in place of `outcome.output`: a large one is then written
            without being joined into one copy.
        sleep: waits between tries.

    Returns:
        The outcome that counts: this one, or that of the attempt that was first
        (`returned.attempt_id != outcome.attempt_id`).

    Raises:
        StorageError: the store stayed away. Nothing can be said about the outcome then: it may
            be stored or not. Committing it again, at any time, is safe.
        IntegrityError: the key is taken by a record that nobody signed for this call.
    """
    if not outcome.attempt_id:
        raise ValueError(f"call {outcome.call_id}: an outcome needs an attempt_id to be committed")
    outcome = _with_output(store, outcome, output, sleep)
    record = sign(outcome, signing_key)
    return retrying(
        lambda: _create_or_read_back(store, outcome, record, signing_key, sleep),
        again=_may_pass,
        sleep=sleep,
    )


def read_outcome(
    store: Store,
    callset_id: str,
    call_id: str,
    signing_key: bytes,
    *,
    sleep: Callable[[float], object] = time.sleep,
) -> Outcome | None:
    """The outcome of the call, verified; None if there is none yet.

    A record that is not genuine is read again a few times, in case it was damaged on the way;
    then `IntegrityError` (see `pywren.store.records.verify`).
    """

    def read() -> Outcome:
        record = store.get(layout.outcome_key(callset_id, call_id))
        return verify(record, signing_key, callset_id=callset_id, call_id=call_id)

    try:
        return retrying(read, again=_is_damaged, sleep=sleep)
    except StorageKeyError:
        return None


def read_output(
    store: Store, outcome: Outcome, *, sleep: Callable[[float], object] = time.sleep
) -> Bytes:
    """The payload frame of a verified outcome: from its record, or from the store by digest.

    Raises `IntegrityError`, naming the key, if what is stored does not become what the record
    says it is; `ValueError` if the outcome has no output, or one that is not in the store.
    """
    if isinstance(outcome.output, bytes):
        return outcome.output
    if isinstance(outcome.output, StoreRef):
        return read_reference(store, outcome.output, sleep=sleep)
    raise ValueError(
        f"the output of call {outcome.call_id} is not in the store, it is {outcome.output!r}"
    )


def _create_or_read_back(
    store: Store,
    outcome: Outcome,
    record: bytes,
    signing_key: bytes,
    sleep: Callable[[float], object],
) -> Outcome:
    key = layout.outcome_key(outcome.callset_id, outcome.call_id)
    if store.create(key, record):
        return outcome
    winner = read_outcome(store, outcome.callset_id, outcome.call_id, signing_key, sleep=sleep)
    if winner is None:
        raise StorageError(f"{key} in {store.url} is taken and cannot be read: try again later")
    return winner


def _with_output(
    store: Store,
    outcome: Outcome,
    output: Sequence[Bytes] | None,
    sleep: Callable[[float], object],
) -> Outcome:
    """The outcome with its output inside, or stored beside it."""
    if output is None:
        if not isinstance(outcome.output, bytes):
            return outcome
        output = [outcome.output]
    size = sum(memoryview(piece).nbytes for piece in output)
    if size <= INLINE_OUTPUT_BYTES:
        return msgspec.structs.replace(outcome, output=b"".join(output))
    ref = StoreRef(
        key=layout.output_key(outcome.callset_id, outcome.call_id, outcome.attempt_id),
        size_bytes=size,
        sha256=_sha256(output),
    )
    retrying(lambda: store.put(ref.key, output), again=_may_pass, sleep=sleep)
    return msgspec.structs.replace(outcome, output=ref)


def _sha256(pieces: Sequence[Bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _is_damaged(error: Exception) -> bool:
    return isinstance(error, IntegrityError)


def _may_pass(error: Exception) -> bool:
    """Whether trying again can help: not where the store says no, or holds a forged record."""
    refused = StoragePermissionError | IntegrityError
    return isinstance(error, StorageError) and not isinstance(error, refused)
