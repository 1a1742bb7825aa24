"""The import statements of a source file, without running it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from pywren.serialization.bytecode import BodyImport

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

__all__ = ["Scan", "scan"]

_KEPT: Final = 4096
_BODIES: Final = ("body", "orelse", "finalbody", "handlers", "cases")


class Scan(msgspec.Struct, frozen=True):
    """The imports of one source file; `error` says why it could not be parsed."""

    imports: tuple[BodyImport, ...] = ()
    error: str | None = None


_scans: dict[str, tuple[int, int, Scan]] = {}


def scan(path: str) -> Scan:
    """The imports of the source file at `path`, those inside functions included.

    What stands under `if TYPE_CHECKING:` is left out: it isn't imported when the code runs. The
    answer is kept until the file's time or size changes. The encoding is the one that the file
    declares. A file that cannot be parsed has no imports, and an `error`.

    Raises OSError if the file cannot be read.
    """
    status = os.stat(path)
    kept = _scans.get(path)
    if kept is not None and kept[:2] == (status.st_mtime_ns, status.st_size):
        return kept[2]
    with open(path, "rb") as file:
        result = scan_source(file.read())
    if len(_scans) >= _KEPT:
        _scans.clear()
    _scans[path] = (status.st_mtime_ns, status.st_size, result)
    return result


def scan_source(source: bytes) -> Scan:
    """The imports of `source`, in the order in which they stand.

    >>> [found.module for found in scan_source(b"import a.b, c").imports]
    ['a.b', 'c']
    >>> scan_source(b"import").error is None
    False
    """
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user's stray escapes are not our business
            tree = ast.parse(source)
    except SyntaxError as error:
        return Scan(error=f"line {error.lineno}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Scan(error=str(error) or type(error).__name__)
    found = list(_statements(tree))
    if b"import_module" in source or b"__import__" in source:
        found += _by_string(tree)
    return Scan(tuple(dict.fromkeys(found)))


def _statements(node: ast.AST) -> Iterator[BodyImport]:
    import ast

    for field in _BODIES:
        for child in getattr(node, field, ()) if _runs(node, field) else ():
            if isinstance(child, ast.Import):
                yield from (BodyImport(each.name, line=child.lineno) for each in child.names)
            elif isinstance(child, ast.ImportFrom):
                names = tuple(each.name for each in child.names)
                yield BodyImport(child.module or "", child.level, names, child.lineno)
            elif isinstance(child, ast.AST):
                yield from _statements(child)


def _runs(node: ast.AST, field: str) -> bool:
    """Whether that part of a statement can run: the body of `if TYPE_CHECKING:` cannot."""
    import ast

    if not isinstance(node, ast.If) or field != "body":
        return True
    test = node.test
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name != "TYPE_CHECKING"


def _by_string(tree: ast.AST) -> Iterator[BodyImport]:
    """Calls of `import_module` and `__import__` with a string that is written out."""
    import ast

    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", None))
            first = node.args[0]
            if called in {"import_module", "__import__"} and isinstance(first, ast.Constant):
                name = str(first.value)
                stripped = name.lstrip(".")
                yield BodyImport(stripped, len(name) - len(stripped), line=node.lineno)
