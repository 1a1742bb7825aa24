"""What became of a call whose worker process died: from exit code, signal and circumstances to
one precise outcome."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from pywren.protocol import (
    PROTOCOL_VERSION,
    PYTHON_VERSION,
    CallsetSpec,
    CallSpec,
    ErrorInfo,
    Outcome,
    OutcomeKind,
)

if TYPE_CHECKING:
    from pywren.runner._process import Ended

__all__ = ["Killed", "cancelled_outcome", "crash_outcome", "failed_outcome", "version_mismatch"]


class Killed(NamedTuple):
    """Why a supervisor killed its child: the kind of ending, and the limit that was passed or
    what else was wrong."""

    kind: OutcomeKind
    limit: float = 0.0
    reason: str = ""


def crash_outcome(
    callset: CallsetSpec,
    call: CallSpec,
    ended: Ended,
    killed: Killed | None,
    *,
    run_seconds: float,
    tails: tuple[bytes, bytes],
    worker: dict[str, Any],
) -> Outcome:
    """The outcome of the call that a worker process was running when it died."""
    kind = killed.kind if killed else OutcomeKind.CRASHED
    now = time.time()
    return Outcome(
        callset_id=callset.callset_id,
        call_id=call.call_id,
        kind=kind,
        attempt=call.attempt,
        error=ErrorInfo(kind.name, _message(kind, killed, ended, run_seconds)),
        started_at=now - run_seconds,
        ended_at=now,
        run_seconds=run_seconds,
        peak_memory_bytes=ended.peak_memory_bytes,
        stdout_tail=tails[0],
        stderr_tail=tails[1],
        exit_code=None if killed else ended.exit_code,
        signal=None if killed else ended.signal,
        worker=worker,
        extra_meta=callset.extra_meta,
    )


def cancelled_outcome(callset: CallsetSpec, call: CallSpec) -> Outcome:
    """The outcome of a call that was cancelled before it started."""
    return failed_outcome(
        callset, call, OutcomeKind.CANCELLED, ErrorInfo("CANCELLED", "cancelled before it started")
    )


def failed_outcome(
    callset: CallsetSpec, call: CallSpec, kind: OutcomeKind, error: ErrorInfo
) -> Outcome:
    """The outcome of a call that never ran."""
    return Outcome(
        callset_id=callset.callset_id,
        call_id=call.call_id,
        kind=kind,
        attempt=call.attempt,
        error=error,
        extra_meta=callset.extra_meta,
    )


def version_mismatch(callset: CallsetSpec) -> ErrorInfo | None:
    """Why this worker cannot run the calls of a client, if client and worker disagree."""
    if callset.protocol == PROTOCOL_VERSION and callset.python == PYTHON_VERSION:
        return None
    return ErrorInfo(
        "VersionMismatch",
        f"the client has Python {callset.python} and protocol {callset.protocol}, the worker "
        f"Python {PYTHON_VERSION} and protocol {PROTOCOL_VERSION}: give both the same",
    )


def _message(kind: OutcomeKind, killed: Killed | None, ended: Ended, seconds: float) -> str:
    if killed is None:
        return f"the worker process died: {_death(ended)}"
    if killed.reason:
        return f"the worker process was stopped: {killed.reason}"
    if kind is OutcomeKind.TIMED_OUT:
        return f"stopped after {seconds:.1f} s: it may run {killed.limit:g} s"
    if kind is OutcomeKind.OUT_OF_MEMORY:
        used = max(ended.peak_memory_bytes, int(killed.limit))
        return f"used {_mib(used)} of memory: {_mib(int(killed.limit))} are allowed"
    return f"cancelled after it had run for {seconds:.1f} s"


def _death(ended: Ended) -> str:
    if ended.signal is None:
        known = ended.exit_code is not None
        return f"exit code {ended.exit_code}" if known else "this program ignored how"
    memory = f" at {_mib(ended.peak_memory_bytes)} of memory" if ended.peak_memory_bytes else ""
    hint = ""
    if ended.signal == signal.SIGKILL:
        hint = "; nobody here sent it: the system may have run out of memory"
    return f"signal {ended.signal} ({_signal_name(ended.signal)}){memory}{hint}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.0f} MiB"
