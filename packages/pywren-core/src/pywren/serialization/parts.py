"""The parts of an object that its pickle is made of, each with words for where it hangs."""

from __future__ import annotations

import copyreg
import functools
from collections.abc import Callable
from types import CellType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, Final

from pywren.serialization.pickler import is_importable
from pywren.serialization.references import travelling_parts

__all__ = ["Part", "parts_of"]

Part = tuple[str, object]
"""Where it hangs (`attribute 'conn'`), and the object itself."""

_SKIPPED_IN_CLASSES: Final = frozenset({"__dict__", "__weakref__", "__module__", "__doc__"})
_NEW: Final = (getattr(copyreg, "__newobj__"), getattr(copyreg, "__newobj_ex__"))  # noqa: B009 - the stub has none of them


def parts_of(obj: object) -> list[Part]:
    """What pickling `obj` would pickle next; empty if that cannot be told. Never raises.

    >>> parts_of({"a": 1}), parts_of([2])
    ([('key of type str', 'a'), ("key 'a'", 1)], [('item 0', 2)])
    """
    try:
        return _known(obj)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - this runs the user's code: it may raise anything
        return []


def _known(obj: Any) -> list[Part]:
    for kinds, parts in _BY_TYPE:
        if type(obj) in kinds:
            return parts(obj)
    if issubclass(type(obj), type):
        return _of_class(obj)
    found = _reduced(obj)
    return found + _of_exception(obj) if issubclass(type(obj), BaseException) else found


def _items(obj: Any) -> list[Part]:
    return [(f"item {index}", item) for index, item in enumerate(obj)]


def _members(obj: Any) -> list[Part]:
    return [("a member of the set", item) for item in obj]


def _entries(obj: Any) -> list[Part]:
    parts: list[Part] = []
    for key, value in obj.items():
        parts += [(f"key of type {type(key).__name__}", key), (f"key {_short(key)}", value)]
    return parts


def _short(key: object) -> str:
    try:
        text = repr(key)
    except Exception:  # noqa: BLE001 - a __repr__ of the user's may raise anything
        text = f"of type {type(key).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _of_function(obj: FunctionType) -> list[Part]:
    return [] if is_importable(obj) else travelling_parts(obj)


def _of_class(obj: type) -> list[Part]:
    bases: list[Part] = [(f"base class {base.__name__!r}", base) for base in obj.__bases__]
    return bases + [
        (f"attribute {name!r}", value)
        for name, value in vars(obj).items()
        if name not in _SKIPPED_IN_CLASSES
    ]


def _of_method(obj: MethodType) -> list[Part]:
    return [("the method's object", obj.__self__), ("the method's function", obj.__func__)]


def _of_descriptor(obj: Any) -> list[Part]:
    return [("the method's function", obj.__func__)]


def _of_property(obj: property) -> list[Part]:
    return [("getter", obj.fget), ("setter", obj.fset), ("deleter", obj.fdel)]


def _of_partial(obj: Any) -> list[Part]:
    parts: list[Part] = [("the partial's function", obj.func)]
    parts += [(f"argument {index}", value) for index, value in enumerate(obj.args)]
    parts += [(f"keyword {name!r}", value) for name, value in obj.keywords.items()]
    return parts + [(f"attribute {name!r}", value) for name, value in vars(obj).items()]


def _of_cell(obj: CellType) -> list[Part]:
    return [("content", obj.cell_contents)]


def _of_module(obj: ModuleType) -> list[Part]:
    import sys

    if obj.__name__ in sys.modules:
        return []
    return [(f"attribute {name!r}", value) for name, value in vars(obj).items()]


def _of_exception(obj: BaseException) -> list[Part]:
    linked = (("cause", obj.__cause__), ("context", obj.__context__))
    return [(label, error) for label, error in linked if error is not None]


def _reduced(obj: Any) -> list[Part]:
    """By its own account: what `__reduce_ex__` gives, `__getstate__` included."""
    reducer = copyreg.dispatch_table.get(type(obj))
    reduction = reducer(obj) if reducer is not None else obj.__reduce_ex__(5)
    if not isinstance(reduction, tuple):
        return []
    padded: tuple[Any, ...] = (*reduction, None, None, None, None)
    _, arguments, state, items, entries = padded[:5]
    parts = _of_state(obj, state) + _of_arguments(reduction[0], arguments or ())
    parts += _items(items) if items is not None else []
    return parts + (_entries(dict(entries)) if entries is not None else [])


def _of_state(obj: object, state: Any) -> list[Part]:
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        return _of_state(obj, state[0]) + _of_state(obj, state[1])
    if isinstance(state, dict):
        return [(f"attribute {_short(name)}", value) for name, value in state.items()]
    return [] if state is None else [("state", state)]


def _of_arguments(function: object, arguments: tuple[Any, ...]) -> list[Part]:
    if function in _NEW:
        kind, *rest = arguments
        return [*_of_arguments(None, tuple(rest)), (f"class {kind.__name__!r}", kind)]
    return [(f"argument {index}", value) for index, value in enumerate(arguments)]


_BY_TYPE: Final[tuple[tuple[tuple[type, ...], Callable[[Any], list[Part]]], ...]] = (
    ((list, tuple), _items),
    ((dict, MappingProxyType), _entries),
    ((set, frozenset), _members),
    ((FunctionType,), _of_function),
    ((MethodType,), _of_method),
    ((functools.partial,), _of_partial),
    ((staticmethod, classmethod), _of_descriptor),
    ((property,), _of_property),
    ((CellType,), _of_cell),
    ((ModuleType,), _of_module),
)
