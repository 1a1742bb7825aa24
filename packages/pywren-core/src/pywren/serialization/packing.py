"""The files of local modules, and the archive in which they travel."""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import msgspec

from pywren.errors import SerializationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["ShippedFile", "archive_of", "file_at", "files_below", "tree_of"]

MAX_FILE_BYTES: Final = 50 * 1024 * 1024
"""A larger file isn't shipped with the code: it belongs into a store."""

_COMPILED: Final = (".pyc", ".pyo")
_EXTENSIONS: Final = (".so", ".pyd", ".dylib")
_SKIPPED: Final = frozenset({"__pycache__", "node_modules"})
_SKIPPED_ENDS: Final = (".egg-info", ".dist-info")
_KEYS: Final = ("*.pem", "*.key", "*.ppk", "id_*")
_KEY_MARKS: Final = (b"PRIVATE KEY-----", b"PuTTY-User-Key-File")
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o100644 << 16


class ShippedFile(msgspec.Struct, frozen=True):
    """One file that ships: `name` in the archive, `path` here."""

    name: str
    path: str
    size_bytes: int

    @property
    def is_source(self) -> bool:
        """Whether it is Python source, not data."""
        return self.name.endswith(".py")


def dotted(name: str) -> str:
    """The file `name` as a module name would be written, to compare it with excluded names.

    >>> dotted("pkg/sub/mod.py"), dotted("pkg/sub/__init__.py"), dotted("pkg/data/big.bin")
    ('pkg.sub.mod', 'pkg.sub', 'pkg.data.big.bin')
    """
    return name.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")


def file_at(name: str, path: str) -> ShippedFile:
    """The file at `path`, to be `name` in the archive; SerializationError if it cannot ship."""
    if name.endswith(_EXTENSIONS):
        raise SerializationError(
            f"{path!r} is compiled for this machine and cannot ship with the code: build a wheel of "
            f"its package and install it, or leave it out with exclude_modules=[{_stem(name)!r}]"
        )
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise SerializationError(f"the module file {path!r} cannot be read: {error}") from error
    if size > MAX_FILE_BYTES:
        raise SerializationError(
            f"{path!r} has {size:,} bytes, files that ship with the code may have "
            f"{MAX_FILE_BYTES:,}: put it into a store and read it from there, or leave it out with "
            f"exclude_modules=[{dotted(name)!r}]"
        )
    return ShippedFile(name, path, size)


def _stem(name: str) -> str:
    above, _, last = name.rpartition("/")
    return dotted(f"{above}/{last.partition('.')[0]}".lstrip("/"))


def tree_of(
    name: str, directory: str, left_out: Callable[[str], bool]
) -> tuple[list[ShippedFile], list[str]]:
    """The files of the package `name` at `directory`, and all directories that hold them.

    `left_out` says of a dotted name whether it was excluded. Hidden files, private keys, caches,
    virtual environments and repositories inside are passed over; links are followed, once, but
    not to what holds the package or a home directory.
    """
    _refuse_homes(name, directory)
    files: list[ShippedFile] = []
    directories: list[str] = []
    for prefix, place in _directories(name.replace(".", "/"), directory, left_out, set()):
        directories.append(place)
        files += files_below(prefix, place, left_out)
    return files, directories


def _refuse_homes(name: str, directory: str) -> None:
    if _holds(directory, os.path.expanduser("~")):
        raise SerializationError(
            f"the package {name!r} is the directory {directory!r}, which holds a home directory: "
            f"move the code into a directory of its own, or leave it out with "
            f"exclude_modules=[{name!r}]"
        )


def _holds(directory: str, other: str) -> bool:
    place = os.path.realpath(directory)
    return os.path.commonpath([place, os.path.realpath(other)]) == place


def files_below(
    prefix: str, directory: str, left_out: Callable[[str], bool], *, data_only: bool = False
) -> list[ShippedFile]:
    """The files in `directory` itself, named `prefix/...`; with `data_only` no source."""
    found = []
    for entry in sorted(os.scandir(directory), key=lambda each: each.name):
        name = f"{prefix}/{entry.name}"
        if not _travels(entry) or left_out(dotted(name)):
            continue
        if data_only and entry.name.endswith((".py", *_EXTENSIONS)):
            continue
        found.append(file_at(name, entry.path))
    return found


def _travels(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name.endswith(_COMPILED) or not entry.name.isprintable():
        return False
    try:
        return stat.S_ISREG(entry.stat().st_mode) and not _is_private_key(entry)
    except OSError:  # a link to nowhere
        return False


def _is_private_key(entry: os.DirEntry[str]) -> bool:
    """Whether a file that has the name of a key is a private one; certificates travel."""
    if not any(fnmatchcase(entry.name, pattern) for pattern in _KEYS):
        return False
    with open(entry.path, "rb") as file:
        head = file.read(4096)
    return any(mark in head for mark in _KEY_MARKS)


def _directories(
    prefix: str, directory: str, left_out: Callable[[str], bool], seen: set[tuple[int, int]]
) -> Iterator[tuple[str, str]]:
    status = os.stat(directory)
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    yield prefix, directory
    for entry in sorted(os.scandir(directory), key=lambda each: each.name):
        name = f"{prefix}/{entry.name}"
        if entry.is_dir() and not _passed_over(entry) and not left_out(dotted(name)):
            yield from _directories(name, entry.path, left_out, seen)


def _passed_over(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    return (
        name.startswith(".")
        or name in _SKIPPED
        or name.endswith(_SKIPPED_ENDS)
        or not name.isprintable()
        or os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))
        or (entry.is_symlink() and _leads_up(entry.path))
    )


def _leads_up(link: str) -> bool:
    return _holds(link, os.path.dirname(link)) or _holds(link, os.path.expanduser("~"))


def archive_of(files: Iterable[ShippedFile]) -> bytes:
    """A zip of `files`: the same names and contents give the same bytes. Empty for no files.

    Raises SerializationError if a file cannot be read any more.
    """
    import io
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    ordered = sorted(files, key=lambda file: file.name)
    if not ordered:
        return b""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for file in ordered:
            entry = ZipInfo(file.name, _MOMENT)
            entry.create_system, entry.external_attr = 3, _MODE
            archive.writestr(entry, _content(file), ZIP_DEFLATED, 1)
    return buffer.getvalue()


def _content(file: ShippedFile) -> bytes:
    try:
        with open(file.path, "rb") as opened:
            return opened.read()
    except OSError as error:
        raise SerializationError(
            f"the module file {file.path!r} cannot be read: {error}"
        ) from error
