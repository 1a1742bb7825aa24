"""What client and worker say to each other, field by field.

Client and worker may come from different releases of PyWren. They agree through
`PROTOCOL_VERSION`, which changes when, and only when, one of the records below changes in a way
that an older reader would misunderstand: a new optional field is not such a change.

The records travel as JSON where a service wants text (`to_json`) and as MessagePack elsewhere
(`to_msgpack`); both hold the same fields.

>>> spec = CallsetSpec(callset_id=new_callset_id(), function="00" * 32, timeout=60.0)
>>> from_json(to_json(spec), CallsetSpec) == spec
True
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final, Literal, TypeVar

import msgspec

__all__ = [
    "PROTOCOL_VERSION",
    "PYTHON_VERSION",
    "CallSpec",
    "CallsetSpec",
    "Deliver",
    "Dispatch",
    "ErrorInfo",
    "FileRef",
    "Outcome",
    "OutcomeKind",
    "OutcomeRef",
    "Payload",
    "StoreRef",
    "from_json",
    "from_msgpack",
    "new_callset_id",
    "to_json",
    "to_msgpack",
]

PROTOCOL_VERSION: Final = 1
PYTHON_VERSION: Final = f"{sys.version_info[0]}.{sys.version_info[1]}"

_Record = TypeVar("_Record")


class FileRef(msgspec.Struct, frozen=True, tag="file"):
    """Bytes in a file of this machine: what client and worker share when they share a disk."""

    path: str
    size_bytes: int
    offset: int = 0


class StoreRef(msgspec.Struct, frozen=True, tag="store"):
    """Bytes in the store: `size_bytes` of the object `key`, from `offset` on."""

    key: str
    size_bytes: int
    sha256: str
    offset: int = 0


class OutcomeRef(msgspec.Struct, frozen=True, tag="outcome"):
    """The output of another call, by its outcome record in the store.

    `signing_key` is that of the other call's callset: the reader verifies the record with it.
    """

    store_url: str
    callset_id: str
    call_id: str
    signing_key: bytes

    def __repr__(self) -> str:
        """Which one, without the key."""
        return f"OutcomeRef({self.store_url!r}, {self.callset_id!r}, {self.call_id!r})"


Deliver = Callable[[Sequence["Outcome"]], None]
"""What whoever brings outcomes calls with new ones; thread-safe, and harmless if repeated."""

Payload = bytes | FileRef | StoreRef | OutcomeRef
"""Where the bytes of a payload frame are: right here, in a file, or in the store."""


class CallsetSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all calls of one callset have in common.

    Fields:
        callset_id: random, unique, well spread: keys in the store begin with it.
        function: sha256 of the function payload, in hexadecimal.
        timeout: seconds that one call may run, measured on the worker.
        style: how the function takes its input. `item`: `f(item)`. `arguments`: the input is a
            pair `(args, kwargs)` and the call is `f(*args, **kwargs)`. `parts`: the call's
            `parts` are loaded into one list and the call is `f(list)`.
        store_url: where function, inputs and outcomes live; absent if nothing is shared.
        signing_key: signs outcome records; a fresh one per callset, never put into the store.
        env: environment variables for the time of the call.
        runtime: sha256 of the packed third-party packages, if the worker has to fetch them.
        extra_meta: the user's own facts; they come back in `run_status`.
        protocol, python: checked by the worker before anything is unpickled.
        submitted_at: seconds since 1970 by the client's clock.
    """

    callset_id: str
    function: str
    timeout: float
    style: Literal["item", "arguments", "parts"] = "item"
    store_url: str | None = None
    signing_key: bytes = b""
    env: dict[str, str] = {}
    runtime: str | None = None
    use_cached_runtime: bool = True
    extra_meta: dict[str, Any] = {}
    protocol: int = PROTOCOL_VERSION
    python: str = PYTHON_VERSION
    submitted_at: float = 0.0

    def __repr__(self) -> str:
        """Which one, and nothing secret (`signing_key`, `env`): tracebacks and logs show it."""
        return f"CallsetSpec({self.callset_id!r}, function={self.function[:16]!r}, ...)"


class CallSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call: which one it is, which attempt at it, and its input."""

    call_id: str
    input: Payload = b""
    attempt: int = 1
    parts: list[Payload] = []


class Dispatch(msgspec.Struct, frozen=True):
    """What reaches a worker in one message: calls of one callset. Usually one, or a chunk."""

    callset: CallsetSpec
    calls: list[CallSpec]


class OutcomeKind(IntEnum):
    """What became of a call. The numbers are the protocol's: none is ever given a new meaning."""

    VALUE = 0
    """The function returned; `output` holds the value."""
    EXCEPTION = 1
    """The function raised; `output` holds the exception if it can be pickled."""
    UNSERIALIZABLE = 2
    """The function returned something that cannot be pickled."""
    UNREADABLE = 3
    """The function or its input could not be loaded on the worker."""
    TIMED_OUT = 4
    CANCELLED = 5
    CRASHED = 6
    OUT_OF_MEMORY = 7
    LOST = 8
    VERSION_MISMATCH = 9
    UNAVAILABLE = 10
    """The worker could not fetch the function or input, or could not store the output."""


class ErrorInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error in words: readable where the exception itself cannot be loaded."""

    type_name: str
    message: str
    traceback: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one attempt at a call, with its facts.

    Fields:
        output: the payload frame of the value or exception: inline if small, else a reference.
        started_at, ended_at: seconds since 1970 by the worker's clock. For durations use
            `run_seconds` and `setup_seconds`, which no clock adjustment can touch.
        setup_seconds: to load the function (first call of a worker only) and the input.
        cpu_seconds: of all threads of the worker process during the call.
        peak_memory_bytes: highest resident size of the worker process so far; per call where
            the operating system can tell.
        stdout_tail, stderr_tail: the last bytes written, whatever their encoding.
        exit_code, signal: how the worker process ended, if it did.
        worker: facts about the worker: host, process id, Python, platform.
        attempt_id: tells one execution from another: of two outcomes, who wrote this one?
    """

    callset_id: str
    call_id: str
    kind: OutcomeKind
    attempt: int = 1
    attempt_id: str = ""
    output: Payload | None = None
    error: ErrorInfo | None = None
    started_at: float = 0.0
    ended_at: float = 0.0
    setup_seconds: float = 0.0
    run_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    stdout_tail: bytes = b""
    stderr_tail: bytes = b""
    exit_code: int | None = None
    signal: int | None = None
    worker: dict[str, Any] = {}
    extra_meta: dict[str, Any] = {}
    protocol: int = PROTOCOL_VERSION


def new_callset_id() -> str:
    """A fresh callset id: 32 hexadecimal digits, 128 random bits."""
    return os.urandom(16).hex()


def to_json(record: msgspec.Struct) -> bytes:
    """The record as JSON; bytes fields become base64 text."""
    return msgspec.json.encode(record)


def from_json(data: bytes | memoryview | str, record_type: type[_Record]) -> _Record:
    """The record that `to_json` wrote; `msgspec.ValidationError` if it is not one."""
    return msgspec.json.decode(data, type=record_type)


def to_msgpack(record: msgspec.Struct) -> bytes:
    """The record as MessagePack."""
    return msgspec.msgpack.encode(record)


def from_msgpack(data: bytes | memoryview, record_type: type[_Record]) -> _Record:
    """The record that `to_msgpack` wrote; `msgspec.ValidationError` if it is not one."""
    return msgspec.msgpack.decode(data, type=record_type)
