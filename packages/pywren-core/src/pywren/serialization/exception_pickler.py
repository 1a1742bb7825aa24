"""The pickler for exceptions: with their tracebacks, causes, contexts and notes.

tblib does the work. It gives exceptions whose constructor Python code has replaced a way of their
own, around that constructor; those of the built-in constructors must take the usual way, or a
`UnicodeDecodeError` would come without its reason.
"""

from __future__ import annotations

from types import TracebackType, WrapperDescriptorType
from typing import Any

from tblib.pickling_support import pickle_exception, pickle_traceback, unpickle_exception

from pywren.serialization.pickler import Pickler

__all__ = ["ExceptionPickler"]


class ExceptionPickler(Pickler):
    """Pickles exceptions, also those inside of others, and tracebacks."""

    def reducer_override(self, obj: Any) -> Any:
        """How an object of no built-in type is taken apart."""
        if isinstance(obj, BaseException):
            return _take_apart(obj) if _is_built_in(type(obj)) else pickle_exception(obj)
        if isinstance(obj, TracebackType):
            return pickle_traceback(obj)
        return super().reducer_override(obj)


def _is_built_in(kind: type[BaseException]) -> bool:
    return isinstance(kind.__init__, WrapperDescriptorType)


def _take_apart(error: BaseException) -> tuple[Any, ...]:
    reduced: Any = error.__reduce__()
    function, args, *state = reduced
    notes = getattr(error, "__notes__", None)
    chain = (error.__cause__, error.__traceback__, error.__context__, error.__suppress_context__)
    return unpickle_exception, (function, args, *chain, notes), *state
