"""Which local modules a function needs on a worker: found, and packed.

::

    function ── pickled ──> references ┐
    include_modules ───────────────────┴─> module ── imports of its source ──> module ...
                                              │ local?
                                              └─> its file, or its whole package ──> archive

The answer is kept. The next time the function is only pickled to see whether it refers to the
same modules, and the files are asked for their times.
"""

from __future__ import annotations

import os
import sys
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from pywren.errors import SerializationError
from pywren.serialization.graph import Found, Graph
from pywren.serialization.packing import ShippedFile, archive_of, file_at, files_below, tree_of
from pywren.serialization.references import Reference, references_of
from pywren.serialization.shipped import MAX_BYTES, MAX_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pywren.serialization.origins import Origin

__all__ = ["LocalModules", "local_modules", "needed_modules", "pack"]

_KEPT: Final = 64


class LocalModules(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """What ships with a function. The same object comes again as long as nothing has changed.

    Attributes:
        files: every file of the archive.
        units: the packages and modules that they belong to.
        found: every module that was reached, local or not, in the order of discovery.
        excluded: for each excluded module that was reached, why it would have been needed.
    """

    files: tuple[ShippedFile, ...] = ()
    units: tuple[Found, ...] = ()
    found: tuple[Found, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()


class _Kept(msgspec.Struct):
    """An answer, what it depends on, and when the files among that were last looked at."""

    answer: LocalModules
    paths: tuple[tuple[str, tuple[int, int, int]], ...]
    modules: tuple[tuple[str, object], ...]
    search_path: list[str]
    looked_at: float


_kept: dict[object, _Kept] = {}


def local_modules(
    function: Callable[..., object],
    *,
    exclude_modules: Iterable[str] = (),
    include_modules: Iterable[str] | None = None,
    trusted_seconds: float = 0.0,
) -> LocalModules:
    """The local modules that `function` needs, with the data files of their packages.

    Args:
        function: anything that can be called. It is pickled for its references, not called.
        exclude_modules: names of modules to leave out; `pkg` leaves out `pkg.sub` too.
        include_modules: names of modules to add, with all that they import; an installed package
            that is named here ships as well.
        trusted_seconds: files that were looked at within this time are not looked at again.

    Raises:
        SerializationError: an included module does not exist; or a needed one is compiled, hides a
            module of the standard library, or is too large.

    >>> local_modules(len).files
    ()
    """
    references = references_of(function)
    excluded, included = tuple(exclude_modules), tuple(include_modules or ())
    key = (frozenset(references), excluded, included)
    kept = _kept.get(key)
    if kept is not None and _still_holds(kept, trusted_seconds):
        return kept.answer
    return _find_and_keep(key, references, excluded, included)


def pack(modules: LocalModules) -> bytes:
    """The archive of `modules`: the same files give the same bytes, no files give none.

    >>> pack(local_modules(len))
    b''
    """
    return _archive(modules) if modules.files else b""


@lru_cache(maxsize=4)
def _archive(modules: LocalModules) -> bytes:
    return archive_of(modules.files)


def _still_holds(kept: _Kept, trusted_seconds: float) -> bool:
    if kept.search_path != sys.path:
        return False
    for name, module in kept.modules:
        if sys.modules.get(name) is not module:
            return False
    now = time.monotonic()
    if now - kept.looked_at < trusted_seconds:
        return True
    kept.looked_at = now
    return all(_signature(path) == signature for path, signature in kept.paths)


def _signature(path: str) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _find_and_keep(
    key: object,
    references: Mapping[str, Reference],
    excluded: tuple[str, ...],
    included: tuple[str, ...],
) -> LocalModules:
    looked_at = time.monotonic()
    search_path = list(sys.path)
    watched = {place: _signature(place) for place in _local_places()}
    answer, directories = needed_modules(references, excluded, included)
    paths = {*directories, *(file.path for file in answer.files)}
    paths |= {str(found.origin.file) for found in answer.found if _is_watched(found.origin)}
    watched |= {path: _signature(path) for path in paths}
    loaded = {
        found.name: sys.modules.get(found.name)
        for found in answer.found
        if found.origin.kind in {"local", "missing"}
    }
    if len(_kept) >= _KEPT:
        _kept.clear()
    _kept[key] = _Kept(
        answer, tuple(watched.items()), tuple(loaded.items()), search_path, looked_at
    )
    return answer


def _is_watched(origin: Origin) -> bool:
    return origin.kind == "local" and origin.file is not None


def _local_places() -> list[str]:
    """Where on `sys.path` a file that appears could change the answer."""
    from pywren.serialization.origins import absolute, is_installed, is_library

    places = [each for each in map(absolute, sys.path) if each is not None]
    return [each for each in places if not (is_installed(each) or is_library(each))]


def needed_modules(
    references: Mapping[str, Reference], excluded: tuple[str, ...], included: tuple[str, ...]
) -> tuple[LocalModules, list[str]]:
    """What ships for these references, found anew; and the directories that were looked through."""
    graph = Graph(excluded, included)
    for name in included:
        graph.add(Reference(name, "include_modules"))
    missing = [name for name in included if graph.kind(name) == "missing"]
    if missing:
        raise SerializationError(
            f"include_modules names {missing[0]!r}, which cannot be found: "
            "check the spelling, or add its directory to sys.path"
        )
    for reference in references.values():
        graph.add(reference)
    graph.follow()
    files, directories = _files(graph)
    _check_size(files)
    ordered = tuple(files[name] for name in sorted(files))
    found, left_out = tuple(graph.found.values()), tuple(graph.left_out.items())
    return LocalModules(ordered, tuple(graph.units()), found, left_out), directories


def _files(graph: Graph) -> tuple[dict[str, ShippedFile], list[str]]:
    files: dict[str, ShippedFile] = {}
    directories: list[str] = []
    for unit in graph.units():
        try:
            found, places = _files_of(unit.origin, graph.leaves_out)
        except OSError as error:
            raise SerializationError(
                f"the files of {unit.name!r}, which is needed ({unit.why}), cannot be read: {error}; "
                f"leave it out with exclude_modules=[{unit.name!r}] if it is not"
            ) from error
        files |= {file.name: file for file in found}
        directories += places
    for module in graph.shipping():
        name, path = _name_in_archive(module.origin), module.origin.file
        if path is not None and name not in files:  # it lives outside of its package's directory
            files[name] = file_at(name, path)
    return files, directories


def _files_of(unit: Origin, excludes: Callable[[str], bool]) -> tuple[list[ShippedFile], list[str]]:
    """A package ships whole. A module ships alone, in a namespace with the data beside it."""
    path = str(unit.file)
    if unit.directories:
        return tree_of(unit.name, os.path.dirname(path), excludes)
    alone = file_at(_name_in_archive(unit), path)
    above = unit.name.rpartition(".")[0]
    if not above:
        return [alone], []
    place = os.path.dirname(path)
    beside = files_below(above.replace(".", "/"), place, excludes, data_only=True)
    return [alone, *beside], [place]


def _name_in_archive(origin: Origin) -> str:
    """By the module's name, not its file's: a module may be loaded under any name."""
    base = origin.name.replace(".", "/")
    if origin.kind == "extension":
        return f"{base}.{os.path.basename(str(origin.file)).partition('.')[2]}"
    return f"{base}/__init__.py" if origin.directories else f"{base}.py"


def _check_size(files: Mapping[str, ShippedFile]) -> None:
    size = sum(file.size_bytes for file in files.values())
    if len(files) <= MAX_FILES and size <= MAX_BYTES:
        return
    weights: dict[str, int] = {}
    for file in files.values():
        place = os.path.dirname(file.path)
        weights[place] = weights.get(place, 0) + file.size_bytes
    heaviest = max(weights, key=lambda place: weights[place])
    raise SerializationError(
        f"the local modules have {len(files):,} files of {size:,} bytes, allowed are {MAX_FILES:,} "
        f"and {MAX_BYTES:,}: leave some out with exclude_modules; the heaviest directory is "
        f"{heaviest!r}"
    )
