"""Which modules the pickle of an object refers to.

A pickler that writes to nowhere walks the object as cloudpickle would. It sees every function,
class, module and instance in `reducer_override`. What goes by reference has to be importable on
the worker; the bodies of functions that go by value are looked through for imports.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard

import msgspec

from pywren.serialization.bytecode import global_names, imports_in
from pywren.serialization.pickler import Pickler, is_importable

if TYPE_CHECKING:
    from types import CodeType

__all__ = [
    "Reference",
    "absolute_name",
    "captured",
    "package_of",
    "references_of",
    "travelling_parts",
]

# cloudpickle's own functions are in every pickle, and on every worker.
_NEVER = frozenset({"__main__", "__mp_main__", "builtins", "cloudpickle.cloudpickle", None})


class Reference(msgspec.Struct, frozen=True):
    """A module that is referred to. One that is not `certain` may be an attribute instead."""

    name: str
    why: str
    certain: bool = True


def references_of(subject: object, *, labelled: bool = False) -> dict[str, Reference]:
    """The modules that the pickle of `subject` refers to, by name.

    With `labelled`, the reasons name the global or closure variable that holds the reference. If
    `subject` cannot be pickled, they are those that were met before the part that cannot.

    >>> from fractions import Fraction
    >>> list(references_of(Fraction(1, 2)))
    ['fractions']
    """
    pickler = _Walker(labelled=labelled)
    with suppress(Exception):  # whatever is wrong, pickling it for real tells
        pickler.dump(subject)
    return pickler.found


class _Nowhere:
    def write(self, data: Any) -> int:
        return len(data)


def _forget(_buffer: object) -> None:
    """Takes a large buffer out of the pickle, without a copy."""


class _Walker(Pickler):
    def __init__(self, *, labelled: bool) -> None:
        super().__init__(_Nowhere(), protocol=5, buffer_callback=_forget)
        self.found: dict[str, Reference] = {}
        self._labels: dict[int, str] | None = {} if labelled else None

    def reducer_override(self, obj: Any) -> Any:
        if obj is list:
            return NotImplemented
        name = obj.__name__ if issubclass(type(obj), ModuleType) else _home(obj)
        if name not in self.found and name not in _NEVER and isinstance(name, str):
            self.found[name] = Reference(name, self._why(obj))
        if type(obj) is not FunctionType:
            return super().reducer_override(obj)
        if is_importable(obj):
            return NotImplemented
        self._look_into(obj)
        # cloudpickle's own reduction looks through all of `sys.modules`: this one is cheap.
        return list, (), [value for _, value in travelling_parts(obj)]

    def _why(self, obj: object) -> str:
        if self._labels is None:
            return "referred to"
        label = self._labels.get(id(obj))
        if label is not None or isinstance(obj, ModuleType):
            return label or "module that is referred to"
        named = obj if isinstance(obj, type | FunctionType) else type(obj)
        return f"home of {named.__name__!r}"

    def _look_into(self, function: FunctionType) -> None:
        """What the body of a function that travels by value imports and where it was defined."""
        if self._labels is not None:
            for label, value in travelling_parts(function):
                self._labels.setdefault(id(value), f"{label} of {function.__name__}")
        for name, certain, why in _candidates(function.__code__, package_of(function.__globals__)):
            if name not in self.found or (certain and not self.found[name].certain):
                self.found[name] = Reference(name, why, certain)
        for name in _submodules(function):
            if name not in self.found:
                self.found[name] = Reference(name, f"module used by {function.__name__}")
        home = function.__globals__.get("__name__")
        if isinstance(home, str) and home not in self.found and home not in _NEVER:
            self.found[home] = Reference(home, f"home of {function.__name__!r}")


def _home(obj: object) -> object:
    try:
        return getattr(obj, "__module__", None)
    except Exception:  # noqa: BLE001 - a __getattribute__ of the user's may raise anything
        return type(obj).__module__


def travelling_parts(function: FunctionType) -> list[tuple[str, object]]:
    """What a function that goes by value takes along: where each thing hangs, and the thing.

    >>> def outer(n):
    ...     return lambda m=2: n + m
    >>> travelling_parts(outer(1))
    [("closure variable 'n'", 1), ("default of 'm'", 2)]
    """
    code, namespace = function.__code__, function.__globals__
    parts = [(f"closure variable {name!r}", value) for name, value in captured(function)]
    names = [name for name in global_names(code) if name in namespace]
    parts += [(f"global {name!r}", namespace[name]) for name in names]
    if function.__defaults__:
        last = code.co_varnames[: code.co_argcount][-len(function.__defaults__) :]
        pairs = zip(last, function.__defaults__, strict=True)
        parts += [(f"default of {name!r}", value) for name, value in pairs]
    for name, value in (function.__kwdefaults__ or {}).items():
        parts.append((f"default of {name!r}", value))
    parts += [(f"attribute {name!r}", value) for name, value in function.__dict__.items()]
    return parts + _annotations(function)


def _annotations(function: FunctionType) -> list[tuple[str, object]]:
    try:
        found = function.__annotations__.items()
    except Exception:  # noqa: BLE001 - since 3.14 they are evaluated here, and may raise anything
        return []
    return [(f"annotation of {name!r}", value) for name, value in found]


def _submodules(function: FunctionType) -> list[str]:
    """Loaded modules `pkg.sub` that a body reaches through its global `pkg`, as in `pkg.sub.f`."""
    namespace = function.__globals__
    names = global_names(function.__code__)
    values = [namespace.get(name) for name in names]
    above = [each.__name__ for each in values if _is_package(each)]
    found: list[str] = []
    for name in above:
        for part in _all_names(function.__code__):
            below = f"{name}.{part}"
            if below in sys.modules:
                found.append(below)
                above.append(below)
    return found


def _is_package(obj: object) -> TypeGuard[ModuleType]:
    return type(obj) is ModuleType and "__path__" in obj.__dict__


@lru_cache(maxsize=1024)
def _all_names(code: CodeType) -> tuple[str, ...]:
    nested = (each for each in code.co_consts if isinstance(each, type(code)))
    return (*code.co_names, *(name for each in nested for name in _all_names(each)))


def captured(function: FunctionType) -> list[tuple[str, object]]:
    """The closure variables of `function` with their values; unset ones are left out."""
    pairs = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            pairs.append((name, cell.cell_contents))
        except ValueError:  # the cell is still empty
            continue
    return pairs


def package_of(namespace: dict[str, Any]) -> str:
    """The package to which relative imports in a module's `namespace` refer, "" if none."""
    package = namespace.get("__package__")
    if isinstance(package, str):
        return package
    name = str(namespace.get("__name__", ""))
    return name if "__path__" in namespace else name.rpartition(".")[0]


def absolute_name(module: str, level: int, package: str) -> str | None:
    """The full name of `from <level dots>module import ...` in `package`; None if beyond its top.

    >>> absolute_name("b", 1, "top.a"), absolute_name("b", 2, "top.a"), absolute_name("", 3, "a")
    ('top.a.b', 'top.b', None)
    """
    if level == 0:
        return module or None
    above = package.split(".")
    if not package or level > len(above):
        return None
    base = ".".join(above[: len(above) - level + 1])
    return f"{base}.{module}" if module else base


@lru_cache(maxsize=1024)
def _candidates(code: CodeType, package: str) -> tuple[tuple[str, bool, str], ...]:
    """Names of modules that `code` may import: (name, certain, why)."""
    found = []
    for each in imports_in(code):
        name = absolute_name(each.module, each.level, package)
        if name is not None:
            why = f"imported by {code.co_name} line {each.line}"
            found.append((name, not each.is_guess, why))
            found += [(f"{name}.{item}", False, why) for item in each.names if item != "*"]
    return tuple(found)
