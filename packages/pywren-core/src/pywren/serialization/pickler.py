"""The pickler: cloudpickle's, which takes functions and classes of `__main__` along, and with
them what it cannot take apart: functions that `functools.cache` has wrapped, cached properties,
and classes with `__slots__`."""

from __future__ import annotations

import functools
import io
import sys
from typing import TYPE_CHECKING, Any

import cloudpickle

if TYPE_CHECKING:
    import pickle
    from collections.abc import Callable

__all__ = ["Pickler", "dumps", "is_importable"]

_CachedFunction = type(functools.cache(lambda: None))


class Pickler(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle has no types
    """Pickles what cloudpickle does, and cached functions that have no importable name."""

    def reducer_override(self, obj: Any) -> Any:
        """How an object of no built-in type is taken apart."""
        if type(obj) is _CachedFunction and not is_importable(obj):
            return _cached_again, (obj.__wrapped__, obj.cache_parameters())
        if type(obj) is functools.cached_property:  # before Python 3.12 it holds a lock
            return _property_again, (obj.func, obj.attrname)
        reduction = super().reducer_override(obj)
        if issubclass(type(obj), type) and isinstance(reduction, tuple):
            return _with_slots(obj, reduction)
        return reduction


def is_importable(function: Any) -> bool:
    """Does the function go by reference: has its module, imported, it under its name?"""
    qualname = getattr(function, "__qualname__", None)  # a wrapped partial has none
    if qualname is None or function.__module__ == "__main__":
        return False
    found: Any = sys.modules.get(function.__module__)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found is function


def _cached_again(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    """The function with a cache of its own, empty at first."""
    return functools.lru_cache(**parameters)(function)


def _property_again(function: Callable[[Any], Any], name: str | None) -> Any:
    found = functools.cached_property(function)
    if name is not None:
        found.__set_name__(object, name)
    return found


def _with_slots(kind: type, reduction: tuple[Any, ...]) -> tuple[Any, ...]:
    """The class made with the slots that it has.

    cloudpickle sets `__slots__` when the class is there already and has a `__dict__`; the state of
    its instances then does not fit the class that they come from.
    """
    slots = vars(kind).get("__slots__")
    rebuild, arguments, *rest = reduction
    if not slots or getattr(rebuild, "__name__", None) != "_make_skeleton_class":
        return reduction  # without slots, instances have no state that would not fit
    metaclass, name, bases, namespace, *others = arguments
    return rebuild, (metaclass, name, bases, {**namespace, "__slots__": slots}, *others), *rest


def dumps(
    value: object,
    buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None,
    pickler: type[Pickler] = Pickler,
) -> bytes:
    """The pickle of `value` by protocol 5; buffers go to `buffer_callback`, as `pickle` has it.

    >>> import pickle
    >>> pickle.loads(dumps(functools.cache(lambda n: n + 1)))(1)
    2
    """
    with io.BytesIO() as file:
        pickler(file, protocol=5, buffer_callback=buffer_callback).dump(value)
        return file.getvalue()
