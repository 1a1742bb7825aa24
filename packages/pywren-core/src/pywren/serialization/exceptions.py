"""The user's exceptions as payload: with their tracebacks, causes and notes, or in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pywren.protocol import ErrorInfo
from pywren.serialization.pickling import load

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RemoteTraceback", "describe", "dump_exception", "in_words", "load_exception"]


class RemoteTraceback(Exception):
    """The traceback on the worker, as text: the `__cause__` of an exception raised over there."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text.rstrip()}\n"""'


def describe(error: BaseException) -> ErrorInfo:
    """The exception in words. Never raises, whatever its `__str__` does."""
    import traceback

    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    try:
        message = str(error)
    except Exception as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        message = f"<its __str__ raised {type(broken).__name__}>"
    try:
        trace = "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - the same, met by the traceback module
        trace = "".join(traceback.format_tb(error.__traceback__)) + name
    return ErrorInfo(name, message, trace)


def in_words(error: BaseException) -> str:
    """The exception on one line: type, message, notes.

    >>> in_words(KeyError("a"))
    "KeyError: 'a'"
    """
    info = describe(error)
    notes = getattr(error, "__notes__", ())
    return ", ".join([f"{info.type_name}: {info.message}", *map(str, notes)])


def dump_exception(error: BaseException) -> list[Any] | None:
    """The payload segments of an exception, or None if it could not be loaded again.

    Only an `Exception` travels as itself: what ends an interpreter (`KeyboardInterrupt`) must
    not end the client's.
    """
    from pywren.serialization.exception_pickler import ExceptionPickler
    from pywren.serialization.pickler import dumps

    if not isinstance(error, Exception):
        return None
    error.__traceback__ = _user_part(error)
    try:
        segments = [dumps(error, pickler=ExceptionPickler)]
        load(segments)  # some pickle well and fail here: better to know on this side
    except Exception:  # noqa: BLE001 - both call the user's code, which may raise anything
        return None
    return segments


def _user_part(error: BaseException) -> Any:
    """The traceback without the frames of the runner that called the user's function."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith(
        "pywren.runner"
    ):
        trace = trace.tb_next
    return trace


def load_exception(segments: Sequence[Any], info: ErrorInfo | None) -> BaseException:
    """The exception that `dump_exception` took apart. Whatever loading raises is passed on."""
    error = load(segments)
    if not isinstance(error, BaseException):
        raise TypeError(f"expected an exception, found {type(error).__name__}")
    if error.__cause__ is None and info is not None and info.traceback:
        error.__cause__ = RemoteTraceback(info.traceback)
    return error
