from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = ["pywren", "pywren_cli", "pywren_lambda", "pywren_standalone"]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules() -> list[str]:
    names = list(PACKAGES)
    for package in PACKAGES:
        paths = importlib.import_module(package).__path__
        names += [found.name for found in pkgutil.walk_packages(paths, f"{package}.")]
    return sorted(name for name in names if not name.endswith("__main__"))


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_hold(name: str) -> None:
    # As at a prompt: functions of the examples belong to `__main__`, and travel by value.
    module = importlib.import_module(name)
    found = doctest.testmod(module, optionflags=FLAGS, extraglobs={"__name__": "__main__"})
    assert not found.failed


def test_all_packages_have_examples() -> None:
    finder = doctest.DocTestFinder()
    for package in PACKAGES:
        if package == "pywren_cli":
            continue
        names = [name for name in modules() if name.split(".")[0] == package]
        examples = [
            example
            for name in names
            for test in finder.find(importlib.import_module(name))
            for example in test.examples
        ]
        assert examples
