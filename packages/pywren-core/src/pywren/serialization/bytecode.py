"""What a code object refers to: the globals it reads and the modules it imports."""

from __future__ import annotations

import opcode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

__all__ = ["BodyImport", "global_names", "imports_in"]

_IMPORT_NAME: Final = opcode.opmap["IMPORT_NAME"]
_GLOBALS: Final = frozenset(
    {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL"}
)
_BY_STRING: Final = frozenset({"import_module", "__import__"})


class BodyImport(msgspec.Struct, frozen=True):
    """One import: `from ..module import names` has the level 2; line 0 means unknown.

    `is_guess` marks a constant string that may be the name of a module, or something else.
    """

    module: str
    level: int = 0
    names: tuple[str, ...] = ()
    line: int = 0
    is_guess: bool = False


@lru_cache(maxsize=1024)
def imports_in(code: CodeType) -> tuple[BodyImport, ...]:
    """The modules that `code` and the functions inside it import when they run.

    Next to `import` statements, the constant strings of a body that calls
    `importlib.import_module` or `__import__` are taken for names of modules.

    >>> def body():
    ...     from json import decoder
    >>> [(found.module, found.names) for found in imports_in(body.__code__)]
    [('json', ('decoder',))]
    """
    found = [each for part in _parts(code) for each in _imports(part)]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1024)
def global_names(code: CodeType) -> tuple[str, ...]:
    """The names of the globals that `code` and the functions inside it use, in order.

    >>> def body():
    ...     return len(SOMETHING)
    >>> global_names(body.__code__)
    ('len', 'SOMETHING')
    """
    import dis

    return tuple(
        dict.fromkeys(
            str(step.argval)
            for part in _parts(code)
            for step in dis.get_instructions(part)
            if step.opname in _GLOBALS
        )
    )


def _parts(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            yield from _parts(constant)


def _imports(code: CodeType) -> Iterator[BodyImport]:
    if _IMPORT_NAME in code.co_code[::2]:  # a cheap look first: most bodies import nothing
        yield from _import_statements(code)
    if not _BY_STRING.isdisjoint(code.co_names):
        yield from (
            BodyImport(text, line=code.co_firstlineno, is_guess=True)
            for text in code.co_consts
            if _may_name_a_module(text)
        )


def _import_statements(code: CodeType) -> Iterator[BodyImport]:
    """Before each IMPORT_NAME, its level and its names are loaded as constants."""
    import dis

    line, loaded = 0, [0, ()]
    for step in dis.get_instructions(code):
        if step.starts_line:
            line = _line(step, line)
        if step.opname == "IMPORT_NAME":
            level, names = loaded
            yield BodyImport(str(step.argval), _level(level), _names(names), line)
        loaded = [loaded[1], step.argval]


def _line(step: Any, before: int) -> int:
    """The line of an instruction: 3.13 moved the number from `starts_line` to `line_number`."""
    number = getattr(step, "line_number", step.starts_line)
    return before if number is None else int(number)


def _level(value: object) -> int:
    return value if isinstance(value, int) else 0


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, tuple) else ()


def _may_name_a_module(text: object) -> bool:
    return isinstance(text, str) and all(part.isidentifier() for part in text.split("."))
