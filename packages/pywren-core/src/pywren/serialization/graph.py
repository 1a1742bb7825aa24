"""The import graph of local modules: which modules are reached, why, and what ships for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pywren.errors import SerializationError
from pywren.serialization.imports import scan
from pywren.serialization.origins import Kind, Origin, is_bundled, origin_of
from pywren.serialization.references import Reference, absolute_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pywren.serialization.bytecode import BodyImport

__all__ = ["Found", "Graph"]


class Found(msgspec.Struct, frozen=True):
    """A module that was reached.

    Attributes:
        origin: where it comes from.
        why: the first reason that was found, such as `imported by pkg.mod line 3`.
        ships: whether it is among what ships.
        error: why its source could not be parsed; its imports are not followed then.
    """

    origin: Origin
    why: str
    ships: bool = False
    error: str | None = None

    @property
    def name(self) -> str:
        """The module's full name."""
        return self.origin.name


class Graph:
    """Modules reached from references, following the imports of those that ship.

    Args:
        excluded: names that are left out, with all below them.
        included: names that ship although they are installed, with all below them.
    """

    def __init__(self, excluded: tuple[str, ...], included: tuple[str, ...]) -> None:
        self.found: dict[str, Found] = {}
        self.left_out: dict[str, str] = {}
        self._excluded = excluded
        self._included = included
        self._waiting: list[Found] = []

    def excludes(self, name: str) -> bool:
        """Whether `name` was excluded by its own name or by one above it."""
        return _is_among(name, self._excluded)

    def leaves_out(self, name: str) -> bool:
        """Whether `name`, a part of a package that ships, was excluded; it is noted then."""
        if not self.excludes(name):
            return False
        self.left_out.setdefault(name, "part of a package that ships")
        return True

    def kind(self, name: str) -> Kind:
        """The kind of the module `name`, `missing` if it was never found."""
        found = self.found.get(name)
        if found is None:
            return "local" if name in self.left_out else origin_of(name).kind
        return found.origin.kind

    def add(self, reference: Reference) -> None:
        """Take a module in, with the packages above it, whose imports run first."""
        parts = reference.name.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            certain = reference.certain or end < len(parts)
            if not self._take(name, reference.why, certain=certain):
                return

    def _take(self, name: str, why: str, *, certain: bool) -> bool:
        """Whether modules below `name` are to be looked at as well."""
        if self.excludes(name):
            self.left_out.setdefault(name, why)
            return False
        found = self.found.get(name)
        if found is None:
            origin = origin_of(name)
            if origin.kind == "missing" and not certain:
                return False  # `from pkg import name`: an attribute, not a module
            found = self._judge(origin, why)
            self.found[name] = found
            if found.ships:
                self._waiting.append(found)
        return found.ships or found.origin.kind == "namespace" or _is_bare(found.origin)

    def _judge(self, origin: Origin, why: str) -> Found:
        forced = _is_among(origin.name, self._included) and origin.file is not None
        ships = origin.kind in {"local", "extension"} or (forced and origin.kind == "installed")
        if ships and is_bundled(origin.name):
            raise SerializationError(
                f"the local module {origin.name!r} ({origin.file}) is needed ({why}) but has the "
                "name of a module of Python's own, which workers find first: rename it, or leave "
                f"it out with exclude_modules=[{origin.name!r}]"
            )
        return Found(origin, why, ships)

    def follow(self) -> None:
        """Take in all that the modules so far import, and what those import, to the end."""
        while self._waiting:
            module = self._waiting.pop()
            file = module.origin.file
            if file is None or not file.endswith(".py"):
                continue
            try:
                scanned = scan(file)
            except OSError as error:
                raise SerializationError(
                    f"the source of {module.name!r} cannot be read: {error}"
                ) from error
            if scanned.error:
                self.found[module.name] = msgspec.structs.replace(module, error=scanned.error)
            for each in scanned.imports:
                self._add_import(module.origin, each)

    def _add_import(self, importer: Origin, each: BodyImport) -> None:
        is_package = bool(importer.directories)
        package = importer.name if is_package else importer.name.rpartition(".")[0]
        name = absolute_name(each.module, each.level, package)
        if name is None:
            return
        why = f"imported by {importer.name} line {each.line}"
        self.add(Reference(name, why))
        found = self.found.get(name)
        if found is None or not found.origin.directories:
            return
        for item in each.names:
            if item != "*":
                self.add(Reference(f"{name}.{item}", why, certain=False))

    def shipping(self) -> Iterator[Found]:
        """The modules that ship, in the order of discovery."""
        return (found for found in self.found.values() if found.ships)

    def units(self) -> list[Found]:
        """The topmost packages and modules, below namespaces only, that hold all that ships."""
        units: dict[str, Found] = {}
        for found in self.shipping():
            parts = found.name.split(".")
            names = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
            top = next(self.found[name] for name in names if self.found[name].ships)
            units.setdefault(top.name, top)
        return list(units.values())


def _is_among(name: str, names: tuple[str, ...]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in names)


def _is_bare(origin: Origin) -> bool:
    """Whether it is a namespace of installed packages: which one is meant, its parts tell."""
    return origin.kind == "installed" and origin.file is None
