"""The child process of a worker: it runs calls, one after the other, until it is killed.

It knows no store, no credentials and no clock that could stop it; all that is its supervisor's.
It ends when the other end of its lifeline closes, even in the middle of a call: no supervisor,
no work.
"""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import socket
import sys
import threading
import time
from functools import partial
from select import POLLHUP, poll
from typing import Any

import msgspec

from pywren.protocol import PYTHON_VERSION, CallsetSpec, CallSpec, from_msgpack
from pywren.runner._call import CallRunner
from pywren.runner._functions import FunctionAt, Functions
from pywren.runner._ledger import Ledger
from pywren.runner._memory import PeakMemory
from pywren.runner._output import StandardStream, out_of_reach, prepare
from pywren.runner._payloads import write_all
from pywren.runner._surroundings import Surroundings
from pywren.runner._wire import CALLS, DROP, FUNCTION, OUTCOME, READY, MessageReader, message

__all__ = ["main"]

_READ_BYTES = 256 * 1024


def main(
    directory: str,
    socket_descriptor: int,
    outcomes_descriptor: int,
    ledger_descriptor: int,
    lifeline: int,
) -> None:
    """Serve the supervisor at the other end of the socket. Does not return before it is gone."""
    _die_with_supervisor(out_of_reach(lifeline))
    connection = socket.socket(fileno=out_of_reach(socket_descriptor))
    outcomes = out_of_reach(outcomes_descriptor)
    # A forked grandchild must not hold these open when this process is gone.
    os.register_at_fork(after_in_child=connection.close)
    os.register_at_fork(after_in_child=partial(os.close, outcomes))
    for stream in (sys.stdout, sys.stderr):
        prepare(stream)
    worker = _facts()
    functions = Functions(f"{directory}/modules")
    runner = CallRunner(
        functions,
        Surroundings(),
        (StandardStream("stdout"), StandardStream("stderr")),
        PeakMemory(),
        directory,
        worker,
    )
    ledger = Ledger(out_of_reach(ledger_descriptor))
    write_all(outcomes, message(READY, msgspec.msgpack.encode(worker)))
    Child(connection, outcomes, ledger, functions, runner).serve()


class Child:
    """Reads messages and runs the calls in them."""

    def __init__(
        self,
        connection: socket.socket,
        outcomes: int,
        ledger: Ledger,
        functions: Functions,
        runner: CallRunner,
    ) -> None:
        self._connection = connection
        self._outcomes = outcomes
        self._ledger = ledger
        self._functions = functions
        self._runner = runner
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode_calls = msgspec.msgpack.Decoder(list[CallSpec]).decode
        self._callset_bytes = b""
        self._callset: CallsetSpec | None = None

    def serve(self) -> None:
        """Until the supervisor closes its end."""
        reader = MessageReader()
        while data := self._connection.recv(_READ_BYTES):
            for kind, number, body in reader.feed(data):
                self._handle(kind, number, body)

    def _handle(self, kind: bytes, number: int, body: bytes) -> None:
        if kind == CALLS:
            self._run_calls(number, body)
        elif kind == FUNCTION:
            self._functions.announce(from_msgpack(body, FunctionAt))
        elif kind == DROP:
            self._functions.forget(body.decode())

    def _run_calls(self, number: int, body: bytes) -> None:
        size = int.from_bytes(body[:4], "little")
        callset = self._callset_of(body[4 : 4 + size])
        for call in self._decode_calls(memoryview(body)[4 + size :]):
            if self._ledger.claim(number, time.monotonic()):
                outcome = self._runner.run(callset, call)
                write_all(self._outcomes, message(OUTCOME, self._encode(outcome), number))
            number += 1

    def _callset_of(self, encoded: bytes) -> CallsetSpec:
        if self._callset is None or encoded != self._callset_bytes:
            self._callset = from_msgpack(encoded, CallsetSpec)
            self._callset_bytes = encoded
        return self._callset


def _die_with_supervisor(lifeline: int) -> None:
    """See that this process and all that it starts are killed when the lifeline's other end
    closes. If it is closed already, so is the socket's: there will be no work."""
    if hasattr(fcntl, "F_SETSIG"):
        # Linux: the kernel itself does it, even if a call holds the interpreter's lock for ever.
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgid(0))
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
    else:
        threading.Thread(target=_watch_lifeline, args=(lifeline,), daemon=True).start()


def _watch_lifeline(lifeline: int) -> None:
    hang_up = poll()
    hang_up.register(lifeline, POLLHUP)
    while not any(event & POLLHUP for _, event in hang_up.poll()):
        continue
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _facts() -> dict[str, Any]:
    return {
        "process_id": os.getpid(),
        "host": platform.node(),
        "python": PYTHON_VERSION,
        "platform": sys.platform,
    }
