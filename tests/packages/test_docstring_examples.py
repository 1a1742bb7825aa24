from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
MODULES = [
    "check_suppressions",
    "check_wheels",
    "run_pythons",
    "pywren_cli.versions",
    "pywren_lambda.backend",
    "pywren_standalone.backend",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TOOLS)
    module = importlib.import_module(name)
    found = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize("code", ["# noqa", "# type: ignore", "# noqa: F401", "# pragma: no cover"])
def test_a_suppression_without_a_reason_is_found(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(TOOLS)
    silent = importlib.import_module("check_suppressions").silent_suppressions
    source = tmp_path / "source.py"
    source.write_text(f"import os  {code}\n# os has the page size\nimport os  {code}\n")
    assert list(silent(source)) == [(1, code)]
