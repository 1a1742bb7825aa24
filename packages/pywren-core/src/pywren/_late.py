"""Names of a package that are imported when they are first used.

`import pywren` and the start of a worker process must be fast, and need little of what the
packages offer. A package hands the homes of its names to `late_names` and gets its `__getattr__`.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # what `typing` says too, without the time to import it
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["late_names"]


def late_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of `package`, which takes each name from the module that is its home."""

    def look_up(name: str) -> object:
        from importlib import import_module

        home = homes.get(name)
        if home is None:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package]
            )
        value: object = getattr(import_module(home), name)
        setattr(sys.modules[package], name, value)
        return value

    return look_up
