"""Local modules on the worker: unpacked from their archive, and put where imports find them.

A warm worker serves several functions, which may bring different versions of modules of the same
name. Each archive has a directory and a set of imported modules of its own; `activate` swaps
them. One archive is active at a time, for the whole process.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from pywren.errors import SerializationError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType
    from zipfile import ZipFile, ZipInfo

__all__ = ["MAX_BYTES", "MAX_FILES", "activate", "forget", "install"]

MAX_FILES: Final = 20_000
"""An archive with more files is refused, on both sides."""

MAX_BYTES: Final = 512 * 1024 * 1024
"""An archive whose files have more bytes together is refused, on both sides."""

_REGULAR: Final = 0o100000
_KIND_OF_FILE: Final = 0o170000
_ENCRYPTED: Final = 0x1


def install(archive: bytes, digest: str, directory: Path) -> Path:
    """Unpack `archive` into `directory / digest`, unless that is there, and return its path.

    `digest` names the archive's content in hexadecimal; the caller has verified it. The directory
    is private (0700) and appears whole: several processes may install the same archive at once.

    Raises:
        SerializationError: a name in the archive is unsafe, or it is too large, or the directory
            belongs to somebody else; nothing is left behind.
    """
    if not digest or not digest.isalnum():
        raise SerializationError(f"wanted a digest in hexadecimal, got {digest!r}")
    target = directory / digest
    if _is_there(target):
        return target
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = directory / f".{digest[:16]}-{os.urandom(8).hex()}"
    fresh.mkdir(mode=0o700)
    try:
        _extract(archive, fresh)
        _put(fresh, target)
    except BaseException:
        _remove(fresh)
        raise
    return target


def _is_there(target: Path) -> bool:
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        return False
    private = status.st_mode & (_KIND_OF_FILE | 0o022) == 0o040000
    if not private or status.st_uid != os.getuid():
        raise SerializationError(
            f"the directory for shipped modules {str(target)!r} must be private to the worker's "
            "user; it is not: remove it, or choose another directory"
        )
    return True


def _put(fresh: Path, target: Path) -> None:
    try:
        fresh.rename(target)
    except OSError:
        if not _is_there(target):
            raise
        _remove(fresh)  # another process was first, with the same content


def _remove(directory: Path) -> None:
    import shutil

    shutil.rmtree(directory, ignore_errors=True)


def _extract(archive: bytes, directory: Path) -> None:
    import io
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(io.BytesIO(archive)) as opened:
            for entry in checked(opened.infolist()):
                _write(opened, entry, directory)
    except (BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as error:
        raise SerializationError(
            f"the archive of local modules cannot be unpacked: {error}"
        ) from error


def checked(entries: list[ZipInfo]) -> list[ZipInfo]:
    """`entries`, if all of them may be unpacked; raises `SerializationError` if one may not."""
    size = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_FILES or size > MAX_BYTES:
        raise SerializationError(
            f"the archive of local modules has {len(entries):,} files of {size:,} bytes; "
            f"allowed are {MAX_FILES:,} and {MAX_BYTES:,}"
        )
    seen: set[str] = set()
    for entry in entries:
        fault = _fault(entry, seen)
        if fault:
            raise SerializationError(
                f"the archive of local modules is refused: {entry.orig_filename!r} {fault}"
            )
        seen.add(entry.filename.casefold())
    return entries


def _fault(entry: ZipInfo, seen: set[str]) -> str | None:
    """What is wrong with an entry of an archive, or None."""
    name, mode = entry.orig_filename, entry.external_attr >> 16
    if name != entry.filename or "\\" in name or not name.isprintable():
        return "has a character that is not allowed in a name"
    if ":" in name.partition("/")[0] or not {"", ".", ".."}.isdisjoint(name.split("/")):
        return "does not stay inside the archive's directory"
    if mode & _KIND_OF_FILE not in {0, _REGULAR}:
        return "is not a regular file"
    if name.casefold() in seen:
        return "is there twice"
    return "is encrypted" if entry.flag_bits & _ENCRYPTED else None


def _write(opened: ZipFile, entry: ZipInfo, directory: Path) -> None:
    path = directory / entry.filename
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with opened.open(entry) as source, os.fdopen(descriptor, "wb") as file:
        while piece := source.read(1 << 20):
            file.write(piece)


class _Loaded(msgspec.Struct):
    """What is known of one archive's directory.

    Attributes:
        entry: the directory as it stands on `sys.path`.
        trees: the names below which all modules are the archive's.
        namespaces: the packages without `__init__.py` above them, which others may share.
        own: the archive's imported modules, while it is not active.
        hidden: modules of the same names that were there before, while it is active.
    """

    entry: str
    trees: tuple[str, ...]
    namespaces: tuple[str, ...]
    own: dict[str, ModuleType] = msgspec.field(default_factory=dict)
    hidden: dict[str, ModuleType] = msgspec.field(default_factory=dict)


_active: Path | None = None
_known: dict[str, _Loaded] = {}


def activate(path: Path | None) -> None:
    """Let imports find the modules that were installed at `path`, before all others.

    The modules of the archive that was active go out of `sys.modules` with it, and come back,
    the same objects, when it is activated again. With None no archive is active. Modules of the
    same names from elsewhere are hidden as long as the archive is active. Cheap if `path` is
    active already. Not for several threads with different paths at once.
    """
    global _active  # noqa: PLW0603 - sys.path and sys.modules are the process's as well
    if path is _active or path == _active:
        return
    if _active is not None:
        _leave(_loaded(_active))
    _active = None
    if path is not None:
        _enter(_loaded(path))
    _active = path


def forget(path: Path) -> None:
    """Drop the imported modules of the archive at `path`; if it is active, it no longer is."""
    if path == _active:
        activate(None)
    _known.pop(str(path), None)


def _loaded(path: Path) -> _Loaded:
    entry = str(path)
    if entry not in _known:
        trees, namespaces = _names_in(entry)
        free = tuple(name for name in namespaces if name not in sys.modules)
        _known[entry] = _Loaded(entry, tuple(trees), free)
    return _known[entry]


def _names_in(directory: str, above: str = "") -> tuple[list[str], list[str]]:
    """The modules and packages in `directory`, and the namespaces that hold them."""
    trees: list[str] = []
    namespaces: list[str] = []
    for entry in os.scandir(directory):
        name = above + entry.name.partition(".")[0]
        if not entry.is_dir():
            trees += [name] if entry.name.endswith(".py") else []
        elif entry.name.isidentifier() and entry.name != "__pycache__":
            if os.path.exists(os.path.join(entry.path, "__init__.py")):
                trees.append(name)
            else:
                below = _names_in(entry.path, name + ".")
                namespaces += [name, *below[1]] if below[0] else []
                trees += below[0]
    return trees, namespaces


def _enter(archive: _Loaded) -> None:
    archive.hidden = _take(archive.trees, ())
    sys.path.insert(0, archive.entry)
    _restore(archive.own)
    archive.own = {}


def _leave(archive: _Loaded) -> None:
    archive.own = _take(archive.trees, archive.namespaces)
    if archive.entry in sys.path:
        sys.path.remove(archive.entry)
    _restore(archive.hidden)
    archive.hidden = {}


def _take(trees: tuple[str, ...], namespaces: tuple[str, ...]) -> dict[str, ModuleType]:
    """Remove the modules of these names from `sys.modules`, and from the packages above them."""
    below = tuple(f"{name}." for name in trees)
    exact = frozenset(trees) | frozenset(namespaces)
    names = [name for name in sys.modules if name in exact or name.startswith(below)]
    taken = {name: sys.modules.pop(name) for name in names}
    for name, module in taken.items():
        above, _, last = name.rpartition(".")
        parent = sys.modules.get(above)
        if parent is not None and vars(parent).get(last) is module:
            delattr(parent, last)
    return taken


def _restore(modules: dict[str, ModuleType]) -> None:
    for name, module in modules.items():
        sys.modules[name] = module
        above, _, last = name.rpartition(".")
        parent = sys.modules.get(above)
        if parent is not None and last not in vars(parent):
            setattr(parent, last, module)
