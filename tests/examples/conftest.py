"""Running an example as a user would: as a script, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
HIDE_AND_RUN = """
import runpy, sys
sys.modules[sys.argv.pop(1)] = None
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.fixture
def run_example() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs an example to its end, which must be exit code `code`; `without` a module, if named."""

    def run(
        name: str, *arguments: object, code: int = 0, without: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        before = ["-W", "error"] if without is None else ["-c", HIDE_AND_RUN, without]
        command = [sys.executable, *before, str(EXAMPLES / name), *map(str, arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert ended.returncode == code, ended.stderr
        return ended

    return run
