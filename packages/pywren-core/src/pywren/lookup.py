"""Finding a backend by its name among all that are installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pywren.errors import BackendError, UnknownBackend

if TYPE_CHECKING:
    from pywren.backends import Backend

__all__ = ["GROUP", "installed_backends", "load_backend"]

GROUP: Final = "pywren.executors"
"""The entry-point group in which packages announce their backends."""

_PACKAGES: Final = {"lambda": "pywren-lambda", "standalone": "pywren-standalone"}
_ALIASES: Final = {"remote": "standalone"}


def installed_backends() -> dict[str, Any]:
    """The entry points of all installed backends, by name."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def load_backend(name: str) -> Callable[..., Backend]:
    """The function that opens the backend called `name` (also `remote`, for `standalone`).

    Raises `UnknownBackend` if there is none, with what is there and what to install.
    """
    name = _ALIASES.get(name, name)
    if name == "local":  # built in: no search through all that is installed
        from pywren.local import open_backend

        return open_backend
    found = installed_backends()
    if name not in found:
        raise UnknownBackend(_advice(name, sorted({*found, "local"})))
    try:
        opener: Callable[..., Backend] = found[name].load()
    except ImportError as error:
        raise BackendError(
            f"the backend {name!r} is installed but cannot be imported ({error}): "
            f"reinstall the package that brings it"
        ) from error
    return opener


def _advice(name: str, there: list[str]) -> str:
    listing = ", ".join(there)
    package = _PACKAGES.get(name)
    if package:
        return (
            f"the backend {name!r} is not installed (here are: {listing}): pip install {package}; "
            "on this computer calls run with pywren.local_executor() or PYWREN_EXECUTOR=local"
        )
    known = ", ".join(sorted({*there, *_PACKAGES, *_ALIASES}))
    return f"there is no backend called {name!r} here (installed: {listing}): choose one of {known}"
