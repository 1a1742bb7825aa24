"""Outcomes that other processes will want go into the user's private directory, and nowhere else."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

import pywren


@pytest.mark.parametrize("name", ["a#b", "50%41", "a?b", "with space"])
@pytest.mark.parametrize("relative", [False, True])
def test_whatever_the_temporary_directory_is_called(
    name: str, relative: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "above" / name
    temporary.mkdir(parents=True)
    monkeypatch.chdir(temporary.parent)
    monkeypatch.setenv("TMPDIR", name if relative else str(temporary))
    with pywren.local_executor(workers=1) as pwex:
        future = pwex.call_async(abs, -7)
        assert future.result(timeout=60) == 7
        assert pickle.loads(pickle.dumps(future)).result(timeout=60) == 7
    private = temporary / f"pywren-{os.getuid()}"
    assert [path.relative_to(temporary.parent) for path in temporary.parent.iterdir()] == [
        Path(name)
    ]
    assert list(private.glob("callsets/*/outcomes/*/*"))
