"""The functions that a child has loaded, by digest: each is unpickled once per process."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pywren.protocol import FileRef, Payload
from pywren.runner._payloads import segments_of
from pywren.serialization.pickling import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["FunctionAt", "Functions"]

_KEPT: Final = 128


class FunctionAt(msgspec.Struct, frozen=True):
    """Where a child finds the payload of a function."""

    digest: str
    payload: bytes | FileRef


class _Loaded(msgspec.Struct, frozen=True):
    function: Any
    modules: Path | None


class Functions:
    """Payloads that the supervisor announced, and the functions loaded from them."""

    def __init__(self, modules_directory: str) -> None:
        self._directory = modules_directory
        self._payloads: dict[str, Payload] = {}
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()

    def announce(self, at: FunctionAt) -> None:
        """From now on the function can be had by its digest."""
        self._payloads[at.digest] = at.payload

    def forget(self, digest: str) -> None:
        """The function will not be asked for again, or be announced anew before it is."""
        self._payloads.pop(digest, None)
        self._unload(digest)

    def get(self, digest: str) -> Callable[..., Any]:
        """The function, with its own local modules in front of the import path."""
        loaded = self._loaded.get(digest)
        if loaded is None:
            loaded = self._load(digest)
        else:
            _activate(loaded.modules)
        function: Callable[..., Any] = loaded.function
        return function

    def _load(self, digest: str) -> _Loaded:
        archive, *rest = segments_of(self._payloads[digest])
        modules = self._install(bytes(archive)) if len(archive) else None
        _activate(modules)
        loaded = self._loaded[digest] = _Loaded(load(rest), modules)
        if len(self._loaded) > _KEPT:
            self._unload(next(iter(self._loaded)))
        return loaded

    def _unload(self, digest: str) -> None:
        loaded = self._loaded.pop(digest, None)
        if loaded is None or loaded.modules is None:
            return
        if all(other.modules != loaded.modules for other in self._loaded.values()):
            from pywren.serialization.shipped import forget

            forget(loaded.modules)

    def _install(self, archive: bytes) -> Path:
        import hashlib
        from pathlib import Path

        from pywren.serialization.shipped import install

        return install(archive, hashlib.sha256(archive).hexdigest(), Path(self._directory))


def _activate(modules: Path | None) -> None:
    from pywren.serialization.shipped import activate

    activate(modules)
