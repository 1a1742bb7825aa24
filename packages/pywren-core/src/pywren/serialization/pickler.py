"""The pickler: cloudpickle's, which takes functions and classes of `__main__` along, and those
that `functools.cache` has wrapped as well."""

from __future__ import annotations

import functools
import io
import sys
from typing import TYPE_CHECKING, Any

import cloudpickle

if TYPE_CHECKING:
    import pickle
    from collections.abc import Callable

__all__ = ["Pickler", "dumps"]

_CachedFunction = type(functools.cache(lambda: None))


class Pickler(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle has no types
    """Pickles what cloudpickle does, and cached functions that have no importable name."""

    def reducer_override(self, obj: Any) -> Any:
        """How an object of no built-in type is taken apart."""
        if type(obj) is _CachedFunction and not _is_importable(obj):
            return _cached_again, (obj.__wrapped__, obj.cache_parameters())
        return super().reducer_override(obj)


def _is_importable(function: Any) -> bool:
    if function.__module__ == "__main__":
        return False
    found: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function


def _cached_again(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    """The function with a cache of its own, empty at first."""
    return functools.lru_cache(**parameters)(function)


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
