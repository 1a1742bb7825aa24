"""Running one call: the only place where the user's code runs, and where it may fail in any way."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pywren.errors import SerializationError
from pywren.frames import frame_size, join, pieces
from pywren.protocol import (
    CallsetSpec,
    CallSpec,
    ErrorInfo,
    Outcome,
    OutcomeKind,
    Payload,
)
from pywren.runner._endings import version_mismatch
from pywren.runner._payloads import load_payload, output_path, write_frame_file
from pywren.serialization.pickling import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pywren.runner._functions import Functions
    from pywren.runner._memory import PeakMemory
    from pywren.runner._output import StandardStream
    from pywren.runner._surroundings import Surroundings

__all__ = ["CallRunner"]

OUTPUT_INLINE_BYTES: Final = 128 * 1024
"""Outputs up to this size sit in the outcome; larger ones go to a file."""


class _Ending(NamedTuple):
    kind: OutcomeKind
    output: Payload | None = None
    error: ErrorInfo | None = None
    exit_code: int | None = None


class CallRunner:
    """Runs calls one after the other in this process and tells what became of each."""

    def __init__(
        self,
        functions: Functions,
        surroundings: Surroundings,
        streams: tuple[StandardStream, StandardStream],
        memory: PeakMemory,
        directory: str,
        worker: dict[str, Any],
    ) -> None:
        self._functions = functions
        self._surroundings = surroundings
        self._stdout, self._stderr = streams
        self._memory = memory
        self._directory = directory
        self._worker = worker

    def run(self, callset: CallsetSpec, call: CallSpec) -> Outcome:
        """Run one call to its end. Never raises."""
        started_at, begin, cpu = time.time(), time.perf_counter(), time.process_time()
        self._surroundings.enter(callset.env)
        loaded = self._load(callset, call)
        path = sys.path[:]  # with the function's own modules, which the next call of it needs
        setup = time.perf_counter()
        ending = loaded if isinstance(loaded, _Ending) else self._finish(callset, call, loaded)
        run_seconds = time.perf_counter() - setup
        self._surroundings.leave(path)
        stdout, stderr = self._stdout.take(), self._stderr.take()
        return Outcome(
            callset_id=callset.callset_id,
            call_id=call.call_id,
            kind=ending.kind,
            attempt=call.attempt,
            output=ending.output,
            error=_in_utf8(ending.error),
            exit_code=ending.exit_code,
            started_at=started_at,
            ended_at=time.time(),
            setup_seconds=setup - begin,
            run_seconds=run_seconds,
            cpu_seconds=time.process_time() - cpu,
            peak_memory_bytes=self._memory.read(run_seconds),
            stdout_tail=stdout,
            stderr_tail=stderr,
            worker=self._worker,
            extra_meta=callset.extra_meta,
        )

    def _load(self, callset: CallsetSpec, call: CallSpec) -> Callable[[], Any] | _Ending:
        mismatch = version_mismatch(callset)
        if mismatch:
            return _Ending(OutcomeKind.VERSION_MISMATCH, error=mismatch)
        try:
            function = self._functions.get(callset.function)
        except BaseException as error:  # noqa: BLE001 - unpickling runs the user's code
            return _unreadable("the function", error)
        try:
            return _bind(function, callset, call)
        except BaseException as error:  # noqa: BLE001 - the same
            return _unreadable("its input", error)

    def _finish(self, callset: CallsetSpec, call: CallSpec, bound: Callable[[], Any]) -> _Ending:
        try:
            value = bound()
        except SystemExit as request:
            return _exited(request)
        except BaseException as error:  # noqa: BLE001 - the user's function may raise anything
            return self._raised(callset, call, error)
        try:
            segments = dump(value, "the result")
        except SerializationError as error:
            return _Ending(OutcomeKind.UNSERIALIZABLE, error=_describe(error))
        except BaseException as error:  # noqa: BLE001 - the user's __reduce__ may raise it too
            info = _describe(error)
            message = f"the result cannot be pickled: {info.type_name}: {info.message}"
            told = ErrorInfo(info.type_name, message, info.traceback)
            return _Ending(OutcomeKind.UNSERIALIZABLE, error=told)
        return self._stored(callset, call, segments, OutcomeKind.VALUE)

    def _raised(self, callset: CallsetSpec, call: CallSpec, error: BaseException) -> _Ending:
        from pywren.serialization.exceptions import dump_exception

        segments, described = dump_exception(error), _describe(error)
        if segments is None:  # perhaps a traceback of a thousand frames, as of a RecursionError
            segments = dump_exception(error.with_traceback(None))
        if segments is None:
            return _Ending(OutcomeKind.EXCEPTION, error=described)
        return self._stored(callset, call, segments, OutcomeKind.EXCEPTION, described)

    def _stored(
        self,
        callset: CallsetSpec,
        call: CallSpec,
        segments: Sequence[Any],
        kind: OutcomeKind,
        error: ErrorInfo | None = None,
    ) -> _Ending:
        try:
            return _Ending(kind, self._store(callset, call, segments), error)
        except OSError as failure:
            reason = f"its output could not be written: {failure}"
            return _Ending(OutcomeKind.UNAVAILABLE, error=ErrorInfo("OSError", reason))

    def _store(self, callset: CallsetSpec, call: CallSpec, segments: Sequence[Any]) -> Payload:
        if len(segments) == 1 and len(segments[0]) < OUTPUT_INLINE_BYTES:
            return join(segments)
        if frame_size(segments) <= OUTPUT_INLINE_BYTES:
            return join(segments)
        path = output_path(self._directory, callset.callset_id, call.call_id, call.attempt)
        return write_frame_file(path, list(pieces(segments)))


def _bind(function: Callable[..., Any], callset: CallsetSpec, call: CallSpec) -> Callable[[], Any]:
    if callset.style == "parts":
        parts = [load_payload(part) for part in call.parts]
        return lambda: function(parts)
    value = load_payload(call.input)
    if callset.style == "arguments":
        args, kwargs = value
        return lambda: function(*args, **kwargs)
    return lambda: function(value)


def _unreadable(what: str, error: BaseException) -> _Ending:
    from pywren.serialization.exceptions import describe, in_words

    info = describe(error)
    message = f"{what} cannot be loaded on the worker ({in_words(error)})"
    return _Ending(OutcomeKind.UNREADABLE, error=ErrorInfo(info.type_name, message, info.traceback))


def _exited(request: SystemExit) -> _Ending:
    code = request.code if isinstance(request.code, int) else request.code is not None
    said = f": {request.code}" if isinstance(request.code, str) else ""
    return _Ending(
        OutcomeKind.CRASHED,
        error=ErrorInfo("SystemExit", f"the function called sys.exit with code {int(code)}{said}"),
        exit_code=int(code) & 0xFF,  # what a process that exits with it is told to have said
    )


def _in_utf8(error: ErrorInfo | None) -> ErrorInfo | None:
    """The same words, with halves of surrogate pairs written out: nothing else could carry them."""
    if error is None:
        return None
    texts = (error.type_name, error.message, error.traceback)
    return ErrorInfo(*(text.encode("utf-8", "backslashreplace").decode() for text in texts))


def _describe(error: BaseException) -> ErrorInfo:
    from pywren.serialization.exceptions import describe

    try:
        return describe(error)
    except BaseException as broken:  # noqa: BLE001 - the user's __str__ may raise it
        name = type(error).__qualname__
        return ErrorInfo(name, f"<its description raised {type(broken).__name__}>")
