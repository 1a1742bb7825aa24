from __future__ import annotations

import importlib
from importlib.metadata import version

import pytest

PACKAGES = {
    "pywren": "pywren-core",
    "pywren_cli": "pywren-cli",
    "pywren_lambda": "pywren-lambda",
    "pywren_standalone": "pywren-standalone",
}
packages = pytest.mark.parametrize("name", PACKAGES)


@packages
def test_public_names_are_sorted_and_named_once(name: str) -> None:
    names = importlib.import_module(name).__all__
    assert list(names) == sorted(set(names))


@packages
def test_every_public_name_can_be_imported(name: str) -> None:
    module = importlib.import_module(name)
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


@packages
def test_dir_shows_every_public_name(name: str) -> None:
    module = importlib.import_module(name)
    assert set(module.__all__) <= set(dir(module))


@packages
def test_the_version_is_that_of_the_installed_package(name: str) -> None:
    assert importlib.import_module(name).__version__ == version(PACKAGES[name])
