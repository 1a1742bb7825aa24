"""What in a pickle cannot be loaded again: told after it failed, by the class that was being
rebuilt."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    Bytes = bytes | bytearray | memoryview

__all__ = ["unloadable_part"]

# What cloudpickle and pickle build other things with: never the culprit itself.
_TOOLS: Final = ("builtins", "copyreg", "cloudpickle", "pywren", "tblib")


def unloadable_part(segments: Sequence[Bytes]) -> str | None:
    """The class (or function) that was last looked up when loading `segments` failed; None if
    it does not fail, or before any was. Loads once more, up to the failure.

    >>> class Picky:
    ...     def __reduce__(self):
    ...         from fractions import Fraction
    ...
    ...         return Fraction, ("no number",)
    >>> unloadable_part([pickle.dumps([1, Picky()])])
    'fractions.Fraction'
    """
    tracer = _Tracer(io.BytesIO(segments[0]), buffers=segments[1:])
    try:
        tracer.load()
    except Exception:  # noqa: BLE001 - it failed before: that is why we look
        return tracer.last
    return None


class _Tracer(pickle.Unpickler):  # noqa: S301 - of bytes that were just loaded, and failed
    """Remembers what was looked up last."""

    last: str | None = None

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in _TOOLS:
            self.last = f"{module}.{name}"
        return super().find_class(module, name)
