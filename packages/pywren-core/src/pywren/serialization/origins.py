"""Where a module comes from: Python itself, an installed distribution, or the user's own files."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final, Literal, cast

import msgspec

__all__ = ["Kind", "Origin", "is_bundled", "is_installed", "is_library", "origin_of"]

Kind = Literal[
    "python", "pywren", "installed", "local", "namespace", "extension", "sourceless", "missing"
]

_OURS: Final = frozenset({"pywren", "pywren_lambda", "pywren_standalone", "pywren_cli"})
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_BUNDLED: Final = frozenset(sys.stdlib_module_names) | frozenset(sys.builtin_module_names)


class Origin(msgspec.Struct, frozen=True):
    """Where the module `name` comes from.

    Attributes:
        kind: `local` modules ship; `namespace` is a package without `__init__.py` of which a part
            may be local; `extension` is compiled and local; `sourceless` has no file to ship.
        file: its source, or its compiled file; None if it has none.
        directories: where a package's modules are found; empty for a plain module.
    """

    name: str
    kind: Kind
    file: str | None = None
    directories: tuple[str, ...] = ()


def origin_of(name: str) -> Origin:
    """Where the module `name` comes from. It is not imported, nor are its parents.

    >>> origin_of("json").kind, origin_of("msgspec").kind, origin_of("no_such_thing").kind
    ('python', 'installed', 'missing')
    """
    top = name.partition(".")[0]
    if top in _OURS or name == "__main__":
        return Origin(name, "pywren" if top in _OURS else "python")
    file, directories, known = _whereabouts(name)
    if not known:
        return Origin(name, "python" if top in _BUNDLED else "missing")
    return Origin(name, _kind(top, file, directories), file, directories)


def is_bundled(name: str) -> bool:
    """Whether `name` belongs to a module that comes with Python."""
    return name.partition(".")[0] in _BUNDLED


def _kind(top: str, file: str | None, directories: tuple[str, ...]) -> Kind:
    if top in _BUNDLED and not _hides_the_library(file):
        return "python"
    if file is None:
        return _kind_without_file(directories)
    directory = os.path.dirname(file)
    if is_installed(directory):
        return "installed"
    if is_library(directory):
        return "python"
    if file.endswith(".py"):
        return "local"
    return "extension" if file.endswith(tuple(EXTENSION_SUFFIXES)) else "sourceless"


def _kind_without_file(directories: tuple[str, ...]) -> Kind:
    if not directories:
        return "sourceless"
    return "installed" if all(map(is_installed, directories)) else "namespace"


def _hides_the_library(file: str | None) -> bool:
    """Whether a module with a name of the standard library's is a file of the user's."""
    if file is None or not file.endswith(".py"):
        return False
    directory = os.path.dirname(file)
    ours = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    inside = any(_is_below(directory, each) for each in ours)
    return not (inside or is_installed(directory) or is_library(directory))


@lru_cache(maxsize=4096)
def is_installed(directory: str) -> bool:
    """Whether `directory` is where installers put distributions, or lies below it."""
    if not _INSTALLED.isdisjoint(directory.split(os.sep)):
        return True
    return any(_is_below(directory, place) for place in _places())


@lru_cache(maxsize=1)
def _places() -> tuple[str, ...]:
    import sysconfig

    return tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


@lru_cache(maxsize=4096)
def is_library(directory: str) -> bool:
    """Whether `directory` holds the standard library, or lies below it."""
    import sysconfig

    places = {os.path.dirname(os.__file__), sysconfig.get_path("stdlib")}
    places.add(sysconfig.get_path("platstdlib"))
    return any(_is_below(os.path.realpath(directory), os.path.realpath(each)) for each in places)


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith(above.rstrip(os.sep) + os.sep)


def _whereabouts(name: str) -> tuple[str | None, tuple[str, ...], bool]:
    """(file, directories, whether there is such a module at all)."""
    if name in sys.modules:
        module: object = sys.modules[name]
        if not isinstance(module, ModuleType):  # None forbids the import
            return None, (), module is not None
        return _of_module(module)
    spec = _spec(name)
    if spec is None:
        return None, (), False
    file = spec.origin if spec.has_location else None
    return _absolute(file), _paths(spec.submodule_search_locations), True


def _of_module(module: ModuleType) -> tuple[str | None, tuple[str, ...], bool]:
    # Not by getattr: a module may be lazy, and have a __getattr__ of its own.
    namespace: dict[str, Any] = ModuleType.__getattribute__(module, "__dict__")
    file = namespace.get("__file__")
    if not isinstance(file, str):
        spec: Any = namespace.get("__spec__")
        file = spec.origin if getattr(spec, "has_location", False) else None
    file = _absolute(file)
    return file, _paths(namespace.get("__path__")), file is None or os.path.exists(file)


def _spec(name: str) -> Any:
    """As `importlib.util.find_spec`, which would import the packages above."""
    above = name.rpartition(".")[0]
    places = _whereabouts(above)[1] if above else ()
    if above and not places:
        return None
    spec = _spec_in(name, places) if above else None
    for finder in sys.meta_path:
        # For a name in a package, the PathFinder would need the package in `sys.modules`.
        if spec is None and hasattr(finder, "find_spec") and not (above and finder is PathFinder):
            spec = finder.find_spec(name, list(places) if above else None)
    return spec


def _spec_in(name: str, places: tuple[str, ...]) -> ModuleSpec | None:
    """The module `name` as the directories `places` of the package above have it."""
    from pkgutil import get_importer

    parts: list[str] = []
    for place in places:
        spec: Any = getattr(get_importer(place), "find_spec", lambda _: None)(name)
        if spec is not None and spec.loader is not None:
            return cast(ModuleSpec, spec)
        parts += spec.submodule_search_locations if spec is not None else []
    if not parts:
        return None
    namespace = ModuleSpec(name, None, is_package=True)
    namespace.submodule_search_locations = parts
    return namespace


def _absolute(file: object) -> str | None:
    return absolute(file) if isinstance(file, str) and file else None


def absolute(path: str) -> str | None:
    """The path from the root; None if it starts in a working directory that was removed."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        return None


def _paths(locations: Any) -> tuple[str, ...]:
    return tuple(os.path.abspath(each) for each in locations or () if os.path.isdir(each))
