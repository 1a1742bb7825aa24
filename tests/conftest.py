"""What every test may need: the servers on loopback, and a home that nobody has settings in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["servers"]


@pytest.fixture(autouse=True)
def untouched_by_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the configuration, the credentials and the proxies of whoever runs the tests."""
    home = tmp_path / "home"
    home.mkdir()
    for name in list(os.environ):
        if name.startswith(("AWS_", "PYWREN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
