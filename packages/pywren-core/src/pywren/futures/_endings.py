"""From an outcome to what the user gets: a value, the function's own exception, or ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pywren.errors import (
    CallCancelled,
    CallError,
    CallLost,
    CallTimedOut,
    PywrenError,
    RemoteError,
    SerializationError,
    StorageError,
    VersionMismatch,
    WorkerCrashed,
    WorkerOutOfMemory,
)
from pywren.protocol import Outcome, OutcomeKind
from pywren.serialization.exceptions import RemoteTraceback, in_words, load_exception
from pywren.serialization.pickling import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from pywren.backends import Segments

    ReadOutput = Callable[[Outcome], Segments]

__all__ = ["open_outcome"]

_ERRORS: Final[dict[OutcomeKind, type[PywrenError]]] = {
    OutcomeKind.UNSERIALIZABLE: SerializationError,
    OutcomeKind.UNREADABLE: SerializationError,
    OutcomeKind.TIMED_OUT: CallTimedOut,
    OutcomeKind.CANCELLED: CallCancelled,
    OutcomeKind.CRASHED: WorkerCrashed,
    OutcomeKind.OUT_OF_MEMORY: WorkerOutOfMemory,
    OutcomeKind.LOST: CallLost,
    OutcomeKind.VERSION_MISMATCH: VersionMismatch,
    OutcomeKind.UNAVAILABLE: CallLost,
}
_ADVICE: Final[dict[OutcomeKind, str]] = {
    OutcomeKind.UNSERIALIZABLE: "return something that can be pickled",
    OutcomeKind.UNREADABLE: "pywren.explain(function) tells what travels with it",
    OutcomeKind.TIMED_OUT: "give it more with timeout= of map, or job_max_runtime= of the executor",
    OutcomeKind.OUT_OF_MEMORY: "give workers more memory, or calls less to do",
    OutcomeKind.LOST: "send it again, or let that happen by itself with retries=",
}
_TAIL_CHARACTERS: Final = 600


def open_outcome(outcome: Outcome, read_output: ReadOutput) -> tuple[Any, BaseException | None]:
    """The value and None, or None and the exception, of a call that is over.

    Raises `StorageError` if the output cannot be read: the outcome stays what it was.
    """
    if outcome.kind is OutcomeKind.VALUE:
        return _value(outcome, read_output)
    if outcome.kind is OutcomeKind.EXCEPTION:
        return None, _exception(outcome, read_output)
    return None, _own_error(outcome)


def _value(outcome: Outcome, read_output: ReadOutput) -> tuple[Any, BaseException | None]:
    segments = read_output(outcome)
    try:
        return load(segments), None
    except Exception as error:  # noqa: BLE001 - loading runs the user's constructors
        failure = SerializationError(
            f"the result of {_name(outcome)} came, but cannot be loaded here "
            f"({in_words(error)}): what it is made of must be importable here, and load again "
            "from what it was pickled to"
        )
        failure.__cause__ = error
        return None, failure


def _exception(outcome: Outcome, read_output: ReadOutput) -> BaseException:
    if outcome.output is None:
        return _remote_error(outcome)
    try:
        return load_exception(read_output(outcome), outcome.error)
    except StorageError:
        raise
    except Exception as error:  # noqa: BLE001 - the same
        failure = _remote_error(outcome)
        failure.add_note(f"the exception itself cannot be loaded here: {in_words(error)}")
        return failure


def _remote_error(outcome: Outcome) -> RemoteError:
    info = outcome.error
    if info is None:
        return RemoteError(f"{_name(outcome)} raised an exception that told nothing of itself")
    error = RemoteError(f"{_name(outcome)} raised {info.type_name}: {info.message}")
    error.__cause__ = RemoteTraceback(info.traceback)
    return error


def _own_error(outcome: Outcome) -> PywrenError:
    kind = _ERRORS.get(outcome.kind, CallError)
    info = outcome.error
    message = f"{_name(outcome)}: {_said(outcome)}"
    advice = _ADVICE.get(outcome.kind)
    error = kind(f"{message}; {advice}" if advice else message)
    if info is not None and info.traceback:
        error.__cause__ = RemoteTraceback(info.traceback)
    tail = _tail(outcome)
    if tail:
        error.add_note(f"the last that it wrote:\n{tail}")
    return error


def _said(outcome: Outcome) -> str:
    if outcome.error is None:
        return outcome.kind.name.lower().replace("_", " ")
    return outcome.error.message


def _name(outcome: Outcome) -> str:
    return f"call {outcome.call_id} of callset {outcome.callset_id[:8]}"


def _tail(outcome: Outcome) -> str:
    if outcome.kind not in (OutcomeKind.CRASHED, OutcomeKind.TIMED_OUT, OutcomeKind.OUT_OF_MEMORY):
        return ""
    written = outcome.stderr_tail or outcome.stdout_tail
    return written.decode(errors="backslashreplace")[-_TAIL_CHARACTERS:].rstrip()
