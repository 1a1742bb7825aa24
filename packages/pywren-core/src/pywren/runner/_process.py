"""Starting and stopping a child process, and all that it starts in turn."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple

from pywren.runner._forks import let_go_in_forks
from pywren.runner._ledger import Ledger
from pywren.runner._output import OutputFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ChildProcess", "Ended", "child_environment"]

_BOOT = (
    "import sys; sys.path.append(sys.argv[2]); from pywren.runner._child import main; "
    "main(sys.argv[1], *map(int, sys.argv[3:]))"
)
_MOMENT_SECONDS = 0.5
_PIPE_BYTES = 2**20
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Ended(NamedTuple):
    """How a process ended: exit code or signal (one is None; both, if nobody can tell), and its
    peak memory, if known."""

    exit_code: int | None
    signal: int | None
    peak_memory_bytes: int


class ChildProcess:
    """A child process as its supervisor holds it: a socket to tell it what to do, a pipe that
    brings outcomes, the ledger, the files that it writes its output to, and a lifeline: a pipe
    without content, whose end tells the child that its supervisor has ended.

    Outcomes come through a pipe since that takes many small messages before anyone must read,
    where a socket takes some hundred.
    """

    def __init__(self, directory: str, name: str, environment: Mapping[str, str]) -> None:
        self._reaped: Ended | None = None
        self._own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with ExitStack() as if_it_fails, ExitStack() as afterwards:
            self.ledger = Ledger.create(f"{directory}/ledger-{name}")
            if_it_fails.callback(self.ledger.close)
            self.stdout = OutputFile.create(f"{directory}/stdout-{name}")
            if_it_fails.callback(self.stdout.close)
            self.stderr = OutputFile.create(f"{directory}/stderr-{name}")
            if_it_fails.callback(self.stderr.close)
            self.socket, theirs = socket.socketpair()
            if_it_fails.callback(self.socket.close)
            afterwards.callback(theirs.close)
            self.inbox, outcomes = os.pipe()
            if_it_fails.callback(os.close, self.inbox)
            afterwards.callback(os.close, outcomes)
            lifeline, self._lifeline = os.pipe()
            if_it_fails.callback(self.let_go)
            afterwards.callback(os.close, lifeline)
            let_go_in_forks(self)
            ends = (theirs.fileno(), outcomes, self.ledger.descriptor, lifeline)
            self.process_id = self._start(ends, directory, environment)
            if_it_fails.pop_all()
        _enlarge(self.inbox)
        os.set_blocking(self.inbox, False)
        self.socket.setblocking(False)

    def _start(
        self, descriptors: Sequence[int], directory: str, environment: Mapping[str, str]
    ) -> int:
        # Above the standard streams, whose numbers are free where the client closed its own.
        with ExitStack() as afterwards:
            numbers = []
            for descriptor in descriptors:
                numbers.append(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3))
                afterwards.callback(os.close, numbers[-1])
            return self._spawn(numbers, directory, environment)

    def _spawn(self, numbers: Sequence[int], directory: str, environment: Mapping[str, str]) -> int:
        package_home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a text of ours
            [sys.executable, "-P", "-c", _BOOT, directory, package_home, *map(str, numbers)],
            stdin=subprocess.DEVNULL,
            stdout=self.stdout.descriptor,
            stderr=self.stderr.descriptor,
            pass_fds=numbers,
            env=dict(environment),
            cwd=None,
            start_new_session=True,
        )
        return self._process.pid

    def kill(self) -> None:
        """Kill the process and whatever it started, unless that left its group on purpose."""
        try:
            os.killpg(self.process_id, signal.SIGKILL)
        except ProcessLookupError:
            return
        except PermissionError:  # macOS says this of a group that is ending already
            self._process.kill()

    def has_ended(self) -> bool:
        """Is the process gone, even if something still holds its pipe open?"""
        return self._reap(os.WNOHANG) is not None

    def ends_by_itself(self) -> bool:
        """Has it ended, or does it in a moment? Its pipe closes a little earlier."""
        deadline = time.monotonic() + _MOMENT_SECONDS
        while not self.has_ended():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.0005)
        return True

    def _reap(self, options: int) -> Ended | None:
        if self._reaped is None:
            try:
                process_id, status, usage = os.wait4(self.process_id, options)
            except ChildProcessError:  # this program ignores SIGCHLD, or waits for any child
                self._reaped = Ended(None, None, 0)
                self._process.returncode = 0
            else:
                if process_id:
                    self._process.returncode = os.waitstatus_to_exitcode(status)
                    self._reaped = self._ended(self._process.returncode, usage)
        return self._reaped

    def _ended(self, code: int, usage: resource.struct_rusage) -> Ended:
        # A new process inherits its parent's mark: below that, it says nothing about the child.
        peak = usage.ru_maxrss if usage.ru_maxrss > self._own_peak else 0
        unit = 1 if sys.platform == "darwin" else 1024
        return Ended(code if code >= 0 else None, -code if code < 0 else None, peak * unit)

    def wait(self) -> Ended:
        """Reap the process, which was killed or has closed its pipe."""
        self.kill()
        reaped = self._reap(0)
        if reaped is None:
            raise ChildProcessError(f"no process {self.process_id} to wait for")
        return reaped

    def close(self) -> None:
        """Give back what belonged to a process that has ended."""
        self.let_go()
        os.close(self.inbox)
        self.ledger.close()
        self.stdout.close()
        self.stderr.close()

    def let_go(self) -> None:
        """Close what tells the process that this one lives. Twice is harmless."""
        self.socket.close()
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)


def _enlarge(pipe: int) -> None:
    """Let a pipe hold as much as may be, where that can be said."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # the user has many large pipes already: a small one will do
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def child_environment(base: Mapping[str, str], workers: int, cores: int) -> dict[str, str]:
    """The environment of one of `workers` children on a machine of `cores`.

    Numeric libraries start a thread per core; that many in each child would only get in each
    other's way. A variable that the user has set stays as it is.
    """
    threads = str(max(1, cores // workers))
    depth = int(base.get("PYWREN_NESTING", "0") or "0") + 1
    return {**dict.fromkeys(_THREAD_VARIABLES, threads), **base, "PYWREN_NESTING": str(depth)}
