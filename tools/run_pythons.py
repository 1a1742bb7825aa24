"""Run the tests on every supported Python that this machine has.

    hatch run pythons                 all of them
    hatch run pythons --but-this      without the Python that runs this
    hatch run pythons -- -k store     the rest goes to pytest

Interpreters are looked for on the PATH, among uv's and among pyenv's. Those that are missing are
named; nothing is downloaded. The exit code is that of the first Python whose tests failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def supported_pythons() -> list[str]:
    """Return the versions of the matrix in hatch.toml, oldest first.

    >>> supported_pythons()
    ['3.11', '3.12', '3.13', '3.14']
    """
    settings = tomllib.loads((ROOT / "hatch.toml").read_text(encoding="utf-8"))
    (matrix,) = settings["envs"]["pythons"]["matrix"]
    return list(matrix["python"])


def find_python(version: str) -> Path | None:
    """Return the interpreter of this version, or None if the machine has none."""
    command = ["uv", "python", "find", "--no-project", "--no-python-downloads", version]
    found = subprocess.run(
        command, env=_search_environment(version), capture_output=True, text=True, check=False
    )
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def _search_environment(version: str) -> dict[str, str]:
    """Put pyenv's Pythons on the PATH, and leave out the environment that is active now."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [str(folder) for folder in sorted(pyenv.glob(f"versions/{version}*/bin"))]
    return environment | {"PATH": os.pathsep.join([*folders, os.environ["PATH"]])}


def run_tests(version: str, python: Path, arguments: list[str]) -> int:
    """Run the whole suite on one Python and return pytest's exit code."""
    print(f"== Python {version}: {python}", flush=True)
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    command = [sys.executable, "hatchw", "run", f"+py={version}", "pythons:test", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PATH": path}, check=False
    ).returncode


def main(arguments: list[str]) -> int:
    """Run the tests on every Python found; say which ones were not."""
    versions = supported_pythons()
    if arguments[:1] == ["--but-this"]:
        this = f"{sys.version_info.major}.{sys.version_info.minor}"
        versions, arguments = [v for v in versions if v != this], arguments[1:]
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    pythons = {version: find_python(version) for version in versions}
    codes = [run_tests(v, python, arguments) for v, python in pythons.items() if python]
    for version in (version for version, python in pythons.items() if python is None):
        print(f"== Python {version}: NOT FOUND on this machine, so NOT TESTED", flush=True)
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
