from __future__ import annotations

from importlib.metadata import entry_points

import pytest

import pywren_standalone
from pywren.errors import BackendError


def test_the_backend_is_found_by_its_name() -> None:
    (found,) = entry_points(group="pywren.executors", name="standalone")
    assert found.load() is pywren_standalone.open_backend


def test_opening_says_what_does_not_work_and_what_does() -> None:
    with pytest.raises(BackendError, match=r"cannot start calls on EC2 yet.*PYWREN_EXECUTOR=local"):
        pywren_standalone.open_backend("any", config=None)
