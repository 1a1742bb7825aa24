"""Build every wheel and sdist, and prove that each one is whole and works alone.

The archives go to `dist/`. Each one's files are compared with the source tree, then it is
installed into a clean environment of its own, where a sibling that it needs comes from `dist/`,
and tried from a folder outside the source tree. The exit code is 1 if anything is wrong.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
CORE_TRIAL = """
import pywren
with pywren.local_executor(workers=1) as pwex:
    assert pywren.get_all_results(pwex.map(abs, [-1, 2])) == [1, 2]
"""
BACKEND_TRIAL = """
from importlib.metadata import entry_points
(found,) = entry_points(group="pywren.executors", name="{name}")
assert callable(found.load())
"""
CLI_TRIAL = """
import subprocess, sys, os
pywren = os.path.join(os.path.dirname(sys.executable), "pywren")
assert "pywren-cli" in subprocess.run([pywren, "--version"], check=True, capture_output=True, text=True).stdout
"""
IMPORT_TRIAL = """
import importlib, importlib.metadata, sys
module = importlib.import_module("{module}")
assert module.__file__.startswith(sys.prefix), module.__file__
assert module.__version__ == importlib.metadata.version("{distribution}")
found = sorted(d.name for d in importlib.metadata.distributions() if d.name.startswith("pywren"))
assert found == {siblings}, f"expected {siblings}, found {{found}}"
"""


@dataclass(frozen=True)
class Package:
    """One package of the repository and what must work once it is installed alone."""

    distribution: str
    module: str
    siblings: list[str]
    """Every PyWren package that must be there after installing this one, sorted by name."""
    trial: str

    @property
    def source(self) -> Path:
        """The folder of the import package."""
        return ROOT / "packages" / self.distribution / "src" / self.module

    def sources(self) -> set[str]:
        """Return the files that git has of the import package, relative to its parent."""
        listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."]
        run = subprocess.run(listing, cwd=self.source, check=True, capture_output=True, text=True)
        names = (name for name in run.stdout.splitlines() if (self.source / name).exists())
        return {f"{self.module}/{name}" for name in names}


PACKAGES = [
    Package("pywren-core", "pywren", ["pywren-core"], CORE_TRIAL),
    Package(
        "pywren-lambda",
        "pywren_lambda",
        ["pywren-core", "pywren-lambda"],
        BACKEND_TRIAL.format(name="lambda"),
    ),
    Package(
        "pywren-standalone",
        "pywren_standalone",
        ["pywren-core", "pywren-standalone"],
        BACKEND_TRIAL.format(name="standalone"),
    ),
    Package("pywren-cli", "pywren_cli", ["pywren-cli", "pywren-core"], CLI_TRIAL),
]


def wheel_problems(names: set[str], sources: set[str], module: str) -> list[str]:
    """Compare a wheel's files with the sources; return what is missing and what is too much.

    >>> wheel_problems({"m/a.py", "tests/t.py"}, {"m/a.py", "m/b.py"}, "m")
    ['m/b.py is missing', 'tests/t.py does not belong there', 'the licence is missing', \
'm/py.typed is missing']
    """
    packed = {name for name in names if ".dist-info/" not in name}
    problems = [f"{name} is missing" for name in sorted(sources - packed)]
    extra = (packed - sources) | {name for name in packed if is_a_test(name)}
    problems += [f"{name} does not belong there" for name in sorted(extra)]
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
        problems.append("the licence is missing")
    if f"{module}/py.typed" not in packed:
        problems.append(f"{module}/py.typed is missing")
    return problems


def is_a_test(name: str) -> bool:
    """Tell whether a packed file is one of the tests, which never ship.

    >>> [is_a_test(name) for name in ("m/test_a.py", "m/tests/a.py", "m/testing/store.py")]
    [True, True, False]
    """
    *folders, file = name.split("/")
    return "tests" in folders or file.startswith("test_") or file == "conftest.py"


def sdist_problems(names: set[str], sources: set[str]) -> list[str]:
    """Compare an sdist's files, without its top folder, with what it must and may hold."""
    beside = {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "PKG-INFO"}
    wanted = beside | {f"src/{name}" for name in sources}
    problems = [f"{name} is missing" for name in sorted(wanted - names)]
    # hatchling adds the ignore file that it obeyed.
    extra = names - wanted - {".gitignore"}
    return problems + [f"{name} does not belong there" for name in sorted(extra)]


def check_files(package: Package, wheel: Path, sdist: Path) -> list[str]:
    """List the files of both archives and return what is wrong with them."""
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name for name in archive.namelist() if not name.endswith("/")}
    with tarfile.open(sdist) as tar:
        in_sdist = {m.name.partition("/")[2] for m in tar.getmembers() if m.isfile()}
    print(f"{wheel.name}: {len(in_wheel)} files; {sdist.name}: {len(in_sdist)} files", flush=True)
    sources = package.sources()
    in_wheel_bad = wheel_problems(in_wheel, sources, package.module)
    return [f"{wheel.name}: {problem}" for problem in in_wheel_bad] + [
        f"{sdist.name}: {problem}" for problem in sdist_problems(in_sdist, sources)
    ]


def sibling_wheels(package: Package) -> str:
    """Say where the other packages come from if this one needs them: never from the index."""
    others = (other for other in PACKAGES if other != package)
    wheels = ((other.distribution, built_archive(other, "*.whl")) for other in others)
    return "".join(f"{distribution} @ {wheel.as_uri()}\n" for distribution, wheel in wheels)


def try_alone(package: Package, archive: Path) -> list[str]:
    """Install one archive into a clean environment, import it there and try it."""
    with tempfile.TemporaryDirectory() as scratch:
        python = Path(scratch) / "env" / "bin" / "python"
        trial = IMPORT_TRIAL.format(**vars(package)) + package.trial
        script = Path(scratch) / "trial.py"
        script.write_text(trial, encoding="utf-8")
        constraints = Path(scratch) / "constraints.txt"
        constraints.write_text(sibling_wheels(package), encoding="utf-8")
        steps: list[list[str | Path]] = [
            ["uv", "venv", "--quiet", "--python", sys.executable, python.parent.parent],
            ["uv", "pip", "install", "-q", "--python", python, "-c", constraints, archive],
            [python, "-I", "-W", "error", script],
        ]
        for step in steps:
            if subprocess.run(step, cwd=scratch, env=_clean(), check=False).returncode:
                return [f"{archive.name}: failed alone: {' '.join(map(str, step))}"]
    return []


def _clean() -> dict[str, str]:
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    return {name: value for name, value in os.environ.items() if name not in hidden}


def built_archive(package: Package, pattern: str) -> Path:
    """Return the one archive of this package and kind in `dist/`."""
    (archive,) = DIST.glob(package.distribution.replace("-", "_") + "-" + pattern)
    return archive


def build() -> None:
    """Build every wheel and sdist into an empty `dist/`."""
    shutil.rmtree(DIST, ignore_errors=True)
    hatch = [sys.executable, str(ROOT / "hatchw"), "--quiet", "build", "--all"]
    subprocess.run(hatch, cwd=ROOT, check=True)


def main() -> int:
    """Build, compare and try everything; print the problems."""
    build()
    problems: list[str] = []
    for package in PACKAGES:
        wheel, sdist = built_archive(package, "*.whl"), built_archive(package, "*.tar.gz")
        problems += check_files(package, wheel, sdist)
        for archive in (wheel, sdist):
            problems += try_alone(package, archive)
    for problem in problems:
        print(f"WRONG: {problem}")
    print("wheels: " + (f"{len(problems)} problems" if problems else "all whole, all work alone"))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
