"""How a file of the store comes into being: whole, at once, and without joining its pieces."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pywren.store.interface import Bytes

__all__ = ["link_and_remove", "remove_empty", "write_beside"]

_PIECES_AT_ONCE: Final = 512  # Linux and macOS take 1,024
_FOLDER_TRIES: Final = 100


def write_beside(
    path: Path, pieces: Sequence[Bytes], publish: Callable[[str, str], object]
) -> None:
    """Write `pieces` to a neighbour of `path`, then `publish(neighbour, path)` it.

    Whatever goes wrong, the neighbour does not stay behind.
    """
    neighbour = f"{path}#{os.getpid()}-{os.urandom(8).hex()}"
    file = _open_new(neighbour, path.parent)
    try:
        try:
            _write_all(file, pieces)
        finally:
            os.close(file)
        publish(neighbour, str(path))
    except BaseException:
        os.unlink(neighbour)
        raise


def link_and_remove(neighbour: str, path: str) -> None:
    """Give the file its name unless the name is taken; then `FileExistsError`."""
    os.link(neighbour, path)
    os.unlink(neighbour)


def remove_empty(folder: Path, root: Path) -> None:
    """Remove the folder and those above it, below `root`, as far as they are empty."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:  # not empty, or gone already: either way nothing is left to do
            return
        folder = folder.parent


def _open_new(path: str, folder: Path) -> int:
    """Open a file that nobody else has, in a folder that a `delete` may be removing just now."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    for _ in range(_FOLDER_TRIES):
        try:
            return os.open(path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
    return os.open(path, flags, 0o666)


def _write_all(file: int, pieces: Sequence[Bytes]) -> None:
    left = [view for piece in pieces if (view := memoryview(piece).cast("B"))]
    left.reverse()  # the next one to write is the last, where it is cheap to take away
    while left:
        written = os.writev(file, left[: -_PIECES_AT_ONCE - 1 : -1])
        _drop(left, written)


def _drop(left: list[memoryview], written: int) -> None:
    """Take the first `written` bytes off the reversed pieces."""
    while left and written >= len(left[-1]):
        written -= len(left.pop())
    if written:
        left[-1] = left[-1][written:]
