"""Every error that PyWren raises on its own account.

::

    PywrenError
    ├── ConfigError                the settings cannot work (also a ValueError)
    ├── SerializationError         names what cannot travel, and where it hangs
    ├── StorageError               the store refused or is away
    │   ├── StorageKeyError        nothing is stored under that key (also a KeyError)
    │   ├── StoragePermissionError the store knows who asks, and says no
    │   └── IntegrityError         what was read is not what was written
    ├── BackendError               the calls could not be started
    │   └── UnknownBackend         no such backend here; says what to install
    └── CallError                  the call gave no answer
        ├── CallCancelled          (also a concurrent.futures.CancelledError)
        ├── CallTimedOut           ran longer than it was allowed to, over there
        ├── CallLost               its worker died without leaving an outcome
        ├── WorkerCrashed          exit code or signal, peak memory, output tail
        │   └── WorkerOutOfMemory  used more memory than it was allowed to
        ├── RemoteError            it raised an exception that cannot be brought here
        └── VersionMismatch        client and worker disagree; both sides are named

An exception that the user's own function raised is raised as itself. Waiting too long *here*
is the builtin `TimeoutError`.
"""

from __future__ import annotations

from concurrent.futures import CancelledError

__all__ = [
    "BackendError",
    "CallCancelled",
    "CallError",
    "CallLost",
    "CallTimedOut",
    "ConfigError",
    "IntegrityError",
    "PywrenError",
    "RemoteError",
    "SerializationError",
    "StorageError",
    "StorageKeyError",
    "StoragePermissionError",
    "UnknownBackend",
    "VersionMismatch",
    "WorkerCrashed",
    "WorkerOutOfMemory",
]


class PywrenError(Exception):
    """The root of all errors below: `except PywrenError` catches what PyWren itself reports."""


class ConfigError(PywrenError, ValueError):
    """The settings cannot work: names the file, the field, what was expected and what was found."""


class SerializationError(PywrenError):
    """Something cannot travel between processes: names it by the path that leads to it."""


class StorageError(PywrenError):
    """The store refused, or could not be reached."""


class StorageKeyError(StorageError, KeyError):
    """Nothing is stored under the key that was asked for."""

    __str__ = Exception.__str__  # KeyError would print the repr of the message


class StoragePermissionError(StorageError, PermissionError):
    """The store knows who asks, and says no."""


class IntegrityError(StorageError):
    """What was read is not what was written: its digest or its signature does not match."""


class BackendError(PywrenError):
    """The calls could not be started."""


class UnknownBackend(BackendError, LookupError):
    """No backend of that name is installed: lists those that are and says what to install."""


class CallError(PywrenError):
    """The call ended without a value and without an exception of the user's own."""


class CallCancelled(CallError, CancelledError):
    """The call was cancelled before it finished."""


class CallTimedOut(CallError, TimeoutError):
    """The call ran longer than it was allowed to and was stopped on its worker."""


class CallLost(CallError):
    """The call was sent, but no outcome came by its deadline: it or its worker was lost."""


class WorkerCrashed(CallError):
    """The worker died in the middle of the call: exit code or signal, memory, output tail."""


class WorkerOutOfMemory(WorkerCrashed, MemoryError):
    """The worker was killed because the call used more memory than it was allowed to."""


class RemoteError(CallError):
    """The call raised an exception that cannot be brought here: its type, message, traceback."""


class VersionMismatch(CallError):
    """The client's and the worker's protocol or Python do not match; both sides are named."""
