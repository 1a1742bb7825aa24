"""The modules that a body imports, and the modules that a source imports."""

from __future__ import annotations

from typing import Any

import pytest

from pywren.serialization.bytecode import global_names, imports_in
from pywren.serialization.imports import scan_source
from pywren.serialization.references import absolute_name, references_of

STATEMENTS = [
    ("import a", [("a", 0, ())]),
    ("import a.b.c", [("a.b.c", 0, ())]),
    ("import a.b as c", [("a.b", 0, ())]),
    ("import a, b.c", [("a", 0, ()), ("b.c", 0, ())]),
    ("from a.b import c, d as e", [("a.b", 0, ("c", "d"))]),
    ("from . import a", [("", 1, ("a",))]),
    ("from .. import a", [("", 2, ("a",))]),
    ("from .a.b import c", [("a.b", 1, ("c",))]),
]


def body_of(statement: str) -> Any:
    namespace: dict[str, Any] = {}
    exec(f"def body():\n  try:\n    {statement}\n  finally:\n    pass", namespace)
    return namespace["body"].__code__


@pytest.mark.parametrize(("statement", "expected"), STATEMENTS)
def test_a_statement_is_read_alike_in_a_body_and_in_a_source(
    statement: str, expected: list[tuple[str, int, tuple[str, ...]]]
) -> None:
    compiled = imports_in(body_of(statement))
    assert [(each.module, each.level, each.names) for each in compiled] == expected
    assert {each.line for each in compiled} == {3}
    written = scan_source(statement.encode()).imports
    assert [(each.module, each.level, each.names) for each in written] == expected


@pytest.mark.parametrize(
    "frame",
    [
        "def f():\n  {}",
        "async def f():\n  async with x:\n    {}",
        "class C:\n  def f(self):\n    {}",
        "try:\n  pass\nexcept ValueError:\n  {}",
        "try:\n  pass\nfinally:\n  {}",
        "for x in y:\n  pass\nelse:\n  {}",
        "match x:\n  case 1:\n    {}",
        "if TYPE_CHECKING:\n  pass\nelse:\n  {}",
        "while 1:\n  with x:\n    {}",
    ],
)
def test_an_import_is_found_in_every_kind_of_block(frame: str) -> None:
    found = scan_source(frame.format("import wanted").encode()).imports
    assert [each.module for each in found] == ["wanted"]


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING"])
def test_an_import_for_type_checkers_is_none(test: str) -> None:
    assert scan_source(f"if {test}:\n  import unwanted".encode()).imports == ()


@pytest.mark.parametrize("source", [b"def (", b"x = 'a\x00b'", b"\xff\xfe", b"(" * 10_000])
def test_a_source_that_is_none_gives_an_error_not_an_exception(source: bytes) -> None:
    assert scan_source(source).error


def test_globals_of_nested_functions_count_and_attributes_do_not() -> None:
    namespace: dict[str, Any] = {}
    exec("def body():\n  def inner(): return first.second\n  return inner, third", namespace)
    assert set(global_names(namespace["body"].__code__)) == {"first", "third"}


@pytest.mark.parametrize(
    ("module", "level", "package", "expected"),
    [
        ("a", 0, "p", "a"),
        ("a", 1, "p", "p.a"),
        ("", 1, "p.q", "p.q"),
        ("a", 2, "p.q", "p.a"),
        ("a", 3, "p.q", None),
        ("a", 1, "", None),
    ],
)
def test_relative_names(module: str, level: int, package: str, expected: str | None) -> None:
    assert absolute_name(module, level, package) == expected


def test_a_function_that_refers_to_itself_ends() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def one(): return two\ndef two(): return one, two\nimport fractions", namespace)
    namespace["two"].held = [namespace["one"], namespace["fractions"]]
    assert set(references_of(namespace["one"])) == {"fractions"}
