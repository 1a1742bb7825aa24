"""The local backend: calls run in worker processes of this machine, with nothing set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywren.local._backend import LocalBackend, open_backend

__all__ = ["LocalBackend", "open_backend"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'pywren.local' has no attribute {name!r}")
    # Late: the first worker is started before all that the backend needs is imported.
    from pywren.local import _backend

    value: object = getattr(_backend, name)
    globals()[name] = value
    return value
