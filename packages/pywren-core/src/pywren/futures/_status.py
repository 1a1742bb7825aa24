"""An outcome's facts as the plain dictionary that users read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pywren.protocol import Outcome

__all__ = ["run_status"]


def run_status(outcome: Outcome) -> dict[str, Any]:
    """The facts of an outcome, by name; the user's `extra_meta` among them."""
    return {
        **outcome.extra_meta,
        "call_id": outcome.call_id,
        "callset_id": outcome.callset_id,
        "outcome": outcome.kind.name.lower(),
        "attempt": outcome.attempt,
        "exception": None if outcome.error is None else outcome.error.message,
        "exception_traceback": None if outcome.error is None else outcome.error.traceback,
        "start_time": outcome.started_at,
        "end_time": outcome.ended_at,
        "setup_time": outcome.setup_seconds,
        "exec_time": outcome.run_seconds,
        "cpu_time": outcome.cpu_seconds,
        "peak_memory_bytes": outcome.peak_memory_bytes,
        "stdout": outcome.stdout_tail.decode(errors="backslashreplace"),
        "stderr": outcome.stderr_tail.decode(errors="backslashreplace"),
        "retcode": outcome.exit_code,
        "signal": outcome.signal,
        "server_info": dict(outcome.worker),
    }
