"""Where in an object graph the thing hangs that cannot be pickled.

An object that cannot be pickled has a part that cannot, or is the culprit itself. So the search
goes down from part to failing part, by trying each, until none of the parts fails on its own.
"""

from __future__ import annotations

import pickle
import time
from typing import TYPE_CHECKING, Any, Final

from pywren.serialization.parts import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pywren.serialization.parts import Part

__all__ = ["explain_failure"]

MAX_DEPTH: Final = 100
MAX_TRIALS: Final = 5_000
MAX_SECONDS: Final = 2.0

_PLAIN: Final = frozenset({int, float, str, bytes, bool, complex, type(None), bytearray})
_HALVED_FROM: Final = 8
_SHOWN: Final = 6


def explain_failure(
    obj: object,
    error: BaseException | None = None,
    *,
    root: str = "result",
    loads: bool = False,
    seconds: float = MAX_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> str | None:
    """The path that leads from `obj` to what cannot be pickled in it, with the type of that.

    Args:
        obj: a function, an input, a result or an exception that could not be pickled.
        error: what the pickler raised.
        root: what to call `obj` if it is itself what cannot be pickled.
        loads: look for what cannot be *unpickled* as well.
        seconds: how long to search; then the path as far as it is known is returned.
        clock: gives the moment, in seconds.

    Returns:
        The path, or None if `obj` can be pickled. Nothing that `obj` does is passed on.

    >>> import threading
    >>> explain_failure({"a": [1, threading.Lock()]})
    "key 'a' -> item 1: _thread.lock"
    >>> explain_failure(threading.Lock())
    'result: _thread.lock'
    >>> explain_failure([1, 2]) is None
    True
    """
    if _is_too_deep(error):
        return f"{root}: {_type_name(obj)}, nested deeper than Python's recursion limit allows"
    trial = _Trial(loads=loads, until=clock() + seconds, clock=clock)
    if not trial.fails(obj):
        return None
    path = _search(obj, trial)
    if not path:
        return f"{root}: {_describe(obj)}"
    return f"{_joined([label for label, _ in path])}: {_describe(path[-1][1])}"


def _is_too_deep(error: BaseException | None) -> bool:
    """Whether it is a `RecursionError`, which cloudpickle hides behind a `PicklingError`."""
    return isinstance(error, RecursionError) or (
        error is not None and isinstance(error.__cause__ or error.__context__, RecursionError)
    )


def _joined(labels: list[str]) -> str:
    if len(labels) > 2 * _SHOWN:
        labels = [*labels[:_SHOWN], "...", *labels[-_SHOWN:]]
    return " -> ".join(labels)


def _search(obj: object, trial: _Trial) -> list[Part]:
    """The parts from `obj`, which fails, down to the culprit."""
    seen = {id(obj)}
    found = _descend(obj, trial, seen, [])
    return found if found is not None else []


def _descend(obj: object, trial: _Trial, seen: set[int], path: list[Part]) -> list[Part] | None:
    """The path to a culprit below `obj`; None if all failing parts were seen: no culprit here."""
    only_seen = False
    for label, part in trial.failing(_fresh(obj, trial)):
        if id(part) in seen:
            only_seen = True
            continue
        seen.add(id(part))
        if len(path) >= MAX_DEPTH or trial.is_over():
            return [*path, (label, part)]
        found = _descend(part, trial, seen, [*path, (label, part)])
        if found is not None:
            return found
        only_seen = True
    return None if only_seen else path


def _fresh(obj: object, trial: _Trial) -> list[Part]:
    parts = [part for part in parts_of(obj) if type(part[1]) not in _PLAIN]
    trial.keep(parts)
    return parts


class _Trial:
    """Tries to pickle things, for a while."""

    def __init__(self, *, loads: bool, until: float, clock: Callable[[], float]) -> None:
        self._loads = loads
        self._until = until
        self._clock = clock
        self._left = MAX_TRIALS
        self._alive: list[list[Part]] = []

    def keep(self, parts: list[Part]) -> None:
        """Keep temporary parts alive, so that no other object gets the same id."""
        self._alive.append(parts)

    def is_over(self) -> bool:
        """Whether trials or time are used up."""
        return self._left <= 0 or self._clock() >= self._until

    def failing(self, parts: list[Part]) -> Iterator[Part]:
        """Those of `parts` that fail, in order; many parts are halved, not tried one by one."""
        if not parts or self.is_over() or not self.fails(_alone([part for _, part in parts])):
            return
        if len(parts) == 1:
            yield parts[0]
        elif len(parts) < _HALVED_FROM:
            yield from (part for part in parts if self.fails(part[1]))
        else:
            half = len(parts) // 2
            yield from self.failing(parts[:half])
            yield from self.failing(parts[half:])

    def fails(self, obj: object) -> bool:
        """Whether `obj` cannot be pickled; also when its own code raises anything at all."""
        self._left -= 1
        try:
            self._attempt(obj)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the user's __reduce__ may raise anything
            return True
        return False

    def _attempt(self, obj: object) -> None:
        from pywren.serialization.pickler import Pickler

        buffers: list[pickle.PickleBuffer] = []
        sink = _Bytes() if self._loads else _Nothing()
        Pickler(sink, protocol=5, buffer_callback=buffers.append).dump(obj)
        if isinstance(sink, _Bytes):
            # These bytes were pickled two lines above, in this process.
            pickle.loads(sink.data, buffers=buffers)  # noqa: S301


class _Nothing:
    """A file that forgets."""

    def write(self, data: Any) -> int:
        return len(data)


class _Bytes:
    """A file in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def _alone(values: list[object]) -> object:
    return values[0] if len(values) == 1 else values


def _describe(obj: object) -> str:
    """What the culprit is: the type of an instance, the name of a function or a class."""
    from types import FunctionType, ModuleType

    if issubclass(type(obj), type):  # isinstance would ask the object, which may lie or raise
        return f"class {_type_name(obj, itself=True)}"
    if type(obj) is FunctionType:
        return f"function {obj.__qualname__}"
    if type(obj) is ModuleType:
        return f"module {ModuleType.__getattribute__(obj, '__name__')}"
    return _type_name(obj)


def _type_name(obj: object, *, itself: bool = False) -> str:
    kind = obj if itself else type(obj)
    name = type.__dict__["__qualname__"].__get__(kind)
    home = type.__dict__["__module__"].__get__(kind)
    return name if home in {"builtins", "__main__"} else f"{home}.{name}"
