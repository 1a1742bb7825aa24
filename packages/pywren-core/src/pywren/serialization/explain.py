"""What travels with a function, why, and how large it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pywren.serialization.modules import needed_modules
from pywren.serialization.references import references_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pywren.serialization.graph import Found
    from pywren.serialization.modules import LocalModules

__all__ = ["CapturedObject", "Explanation", "NeededModule", "ShippedUnit", "explain"]


class ShippedUnit(msgspec.Struct, frozen=True):
    """A package or a module that ships.

    Attributes:
        name: its full name.
        why: the first reason that was found, such as `imported by pkg.mod line 3`.
        file_count: how many files it has.
        source_bytes: the size of its Python files.
        data_bytes: the size of its other files.
    """

    name: str
    why: str
    file_count: int
    source_bytes: int
    data_bytes: int


class NeededModule(msgspec.Struct, frozen=True):
    """A module that is needed and doesn't ship, or could not be parsed; `note` says more."""

    name: str
    why: str
    note: str = ""


class CapturedObject(msgspec.Struct, frozen=True):
    """A thing that the function takes along; `size_bytes` is None if it cannot be pickled."""

    where: str
    type_name: str
    size_bytes: int | None


class Explanation(msgspec.Struct, frozen=True):
    """What travels with a function; `str()` of it is a table to read.

    Attributes:
        function: the function's name.
        ships: packages and modules whose files ship.
        excluded: modules that would have shipped, but were excluded.
        installed: modules of installed distributions; `note` is the distribution and its version.
        python: names of modules that are part of Python.
        missing: modules that are imported somewhere, but are not here, or have no source.
        unparsed: modules that ship although their source cannot be parsed; `note` says where.
        captured: what the function takes along, largest first.
        pickle_bytes: the size of the pickled function, None if it cannot be pickled.
        buffers_bytes: the size of the arrays that travel beside the pickle.
        problem: the path to what cannot be pickled, or None.
    """

    function: str
    ships: tuple[ShippedUnit, ...]
    excluded: tuple[NeededModule, ...]
    installed: tuple[NeededModule, ...]
    python: tuple[str, ...]
    missing: tuple[NeededModule, ...]
    unparsed: tuple[NeededModule, ...]
    captured: tuple[CapturedObject, ...]
    pickle_bytes: int | None
    buffers_bytes: int
    problem: str | None

    @property
    def shipped_bytes(self) -> int:
        """The size of all files that ship, before they are compressed."""
        return sum(unit.source_bytes + unit.data_bytes for unit in self.ships)

    def __repr__(self) -> str:
        """The same table: it is what one wants to see at a prompt."""
        return str(self)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def explain(
    func: Callable[..., object],
    *,
    exclude_modules: Iterable[str] | None = None,
    include_modules: Iterable[str] | None = None,
) -> Explanation:
    """What would travel with `func` if it were mapped now. Nothing is sent, `func` is not called.

    Args:
        func: the function, or anything else that can be called.
        exclude_modules: names of modules to leave out, as for `map`.
        include_modules: names of modules to add, as for `map`.

    Raises:
        SerializationError: a module cannot ship. What cannot be pickled is told, not raised.

    >>> import pywren
    >>> factor = 3
    >>> def triple(x):
    ...     return factor * x
    >>> explanation = pywren.explain(triple)
    >>> explanation.ships
    ()
    >>> [(each.where, each.type_name) for each in explanation.captured]
    [("global 'factor'", 'int')]
    """
    references = references_of(func, labelled=True)
    needed, _ = needed_modules(
        references, tuple(exclude_modules or ()), tuple(include_modules or ())
    )
    size, buffers, problem = _pickled(func)
    return Explanation(
        function=str(getattr(func, "__qualname__", type(func).__qualname__)),
        ships=_units(needed),
        excluded=tuple(NeededModule(name, why) for name, why in needed.excluded),
        installed=_installed([each for each in needed.found if _is(each, "installed")]),
        python=tuple(sorted({each.name for each in needed.found if _is(each, "python")})),
        missing=_unshippable(needed.found),
        unparsed=tuple(
            NeededModule(each.name, each.why, each.error) for each in needed.found if each.error
        ),
        captured=_captured(func),
        pickle_bytes=size,
        buffers_bytes=buffers,
        problem=problem,
    )


def _is(found: Found, kind: str) -> bool:
    return found.origin.kind == kind and not found.ships


def _unshippable(found: Iterable[Found]) -> tuple[NeededModule, ...]:
    notes = {"missing": "not found here", "sourceless": "has no source file"}
    return tuple(
        NeededModule(each.name, each.why, notes[each.origin.kind])
        for each in found
        if each.origin.kind in notes
    )


def _units(needed: LocalModules) -> tuple[ShippedUnit, ...]:
    units = []
    for unit in needed.units:
        files = [file for file in needed.files if _belongs(file.name, unit.name)]
        source = sum(file.size_bytes for file in files if file.is_source)
        data = sum(file.size_bytes for file in files) - source
        units.append(ShippedUnit(unit.name, unit.why, len(files), source, data))
    return tuple(units)


def _belongs(file: str, unit: str) -> bool:
    base = unit.replace(".", "/")
    if file == f"{base}.py" or file.startswith(f"{base}/"):
        return True
    above = base.rpartition("/")[0]  # data beside a module of a namespace
    return bool(above) and file.rpartition("/")[0] == above and not file.endswith(".py")


def _installed(found: list[Found]) -> tuple[NeededModule, ...]:
    if not found:
        return ()
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    modules = (each for each in found if each.origin.file is not None)  # no bare namespaces
    return tuple(
        NeededModule(each.name, each.why, _distributions(each.name, owners)) for each in modules
    )


def _distributions(name: str, owners: Mapping[str, list[str]]) -> str:
    from importlib.metadata import version

    names = sorted(set(owners.get(name.partition(".")[0], ())))
    return ", ".join(f"{each} {version(each)}" for each in names)


def _pickled(func: object) -> tuple[int | None, int, str | None]:
    """(size of the pickle, size of the buffers, what cannot be pickled)."""
    from pywren.serialization.pickler import dumps
    from pywren.serialization.unpicklable import explain_failure

    buffers: list[Any] = []
    try:
        size = len(dumps(func, buffers.append))
    except Exception as error:  # noqa: BLE001 - pickling runs the user's __reduce__
        return None, 0, explain_failure(func, error, root="function") or str(error)
    return size, sum(buffer.raw().nbytes for buffer in buffers), None


def _captured(func: object) -> tuple[CapturedObject, ...]:
    from types import FunctionType, ModuleType

    from pywren.serialization.parts import parts_of

    found = []
    for where, part in parts_of(func):
        if not isinstance(part, ModuleType | type | FunctionType) and not where.startswith("anno"):
            size, buffers, problem = _pickled(part)
            whole = None if problem or size is None else size + buffers
            found.append(CapturedObject(where, type(part).__qualname__, whole))
    return tuple(sorted(found, key=lambda each: -(each.size_bytes or 0)))


def _lines(this: Explanation) -> Iterator[str]:
    yield f"{this.function}: {_summary(this)}"
    if this.problem:
        yield f"  cannot be pickled: {this.problem}"
    yield from _table(
        "ships",
        [
            (
                unit.name,
                f"{unit.file_count} files",
                _size(unit.source_bytes + unit.data_bytes),
                unit.why,
            )
            for unit in this.ships
        ],
    )
    for title in ("unparsed", "excluded", "installed", "missing"):
        modules: tuple[NeededModule, ...] = getattr(this, title)
        yield from _table(title, [(each.name, each.note, each.why) for each in modules])
    yield from _table("part of Python", [(", ".join(this.python),)] if this.python else [])
    yield from _table(
        "captured",
        [(each.where, each.type_name, _size(each.size_bytes)) for each in this.captured],
    )


def _summary(this: Explanation) -> str:
    pickled = f"pickled {_size(this.pickle_bytes)}"
    arrays = f", arrays {_size(this.buffers_bytes)}" if this.buffers_bytes else ""
    return f"{pickled}{arrays}, modules {_size(this.shipped_bytes)}"


def _table(title: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        return
    yield f"  {title}"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"    {'  '.join(cells).rstrip()}"


def _size(count: int | None) -> str:
    """A number of bytes to read.

    >>> _size(0), _size(1234), _size(50_000_000), _size(None)
    ('0 B', '1.2 kB', '50.0 MB', 'not possible')
    """
    if count is None:
        return "not possible"
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
