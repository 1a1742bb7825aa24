"""A project on disk, a client that packs a function of it, a worker that has only the archive."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

_SEND = """
def send(function, **options):
    import pathlib
    import cloudpickle
    from pywren.serialization.modules import local_modules, pack
    sent = pathlib.Path(SENT)
    (sent / "archive").write_bytes(pack(local_modules(function, **options)))
    (sent / "function").write_bytes(cloudpickle.dumps(function, protocol=5))
"""

_WORKER = """
import hashlib, pathlib, pickle, sys
from pywren.serialization.shipped import activate, install
sent = pathlib.Path(sys.argv[1])
archive = (sent / "archive").read_bytes()
if archive:
    activate(install(archive, hashlib.sha256(archive).hexdigest(), sent / "modules"))
print(pickle.loads((sent / "function").read_bytes())())
"""


class Project:
    """Files in a directory of their own, and processes that work with them."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "project"
        self.sent = directory / "sent"
        self.elsewhere = directory / "elsewhere"
        for each in (self.root, self.sent, self.elsewhere):
            each.mkdir()

    def write(self, **files: str | bytes) -> None:
        """Each keyword is a path with `__` for `/`; the ending is `.py` unless one is given."""
        for name, content in files.items():
            self.put(f"{name.replace('__', '/')}.py", content)

    def put(self, name: str, content: str | bytes = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = dedent(content).encode() if isinstance(content, str) else content
        path.write_bytes(data)
        return path

    def client(self, script: str) -> str:
        """Run `script`, which may call `send(function, **options)`, in the project."""
        path = self.put("main_script.py", f"SENT = {str(self.sent)!r}\n{_SEND}\n{dedent(script)}")
        return _run([sys.executable, str(path)], self.root)

    def worker(self) -> str:
        """Call the sent function where only the archive is; return what it printed."""
        return _run([sys.executable, "-c", _WORKER, str(self.sent)], self.elsewhere)

    def travel(self, script: str) -> str:
        self.client(script)
        return self.worker()


def _run(command: list[str], directory: Path) -> str:
    import pywren

    source = str(Path(pywren.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,  # a failure is raised with its traceback as the message
    )
    if done.returncode:
        raise ChildFailed(done.stderr)
    return done.stdout.strip()


class ChildFailed(Exception):
    """A client or worker ended with a traceback, which is the message."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def child_failed() -> type[Exception]:
    return ChildFailed
