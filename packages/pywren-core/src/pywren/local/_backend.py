"""Calls on the cores of this machine."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pywren.errors import ConfigError
from pywren.frames import frame_size, join, pieces
from pywren.local._spool import Spool, local_store_directory, remove_abandoned
from pywren.protocol import CallsetSpec, CallSpec, FileRef
from pywren.runner import WorkerPool, write_frame_file

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pywren.backends import Deliver, Segments, Sending
    from pywren.config import Config

__all__ = ["LocalBackend", "open_backend"]

_FUNCTION_INLINE_BYTES: Final = 64 * 1024
_FUNCTIONS_KEPT: Final = 32


def open_backend(
    config: Config, *, job_max_runtime: float, workers: int | None = None, **options: Any
) -> LocalBackend:
    """The local backend as the configuration wants it; the entry point of the same name."""
    memory_mb = options.pop("worker_memory_mb", None)
    if options:
        raise ConfigError(
            f"the local executor has no option {min(options)!r}: "
            "it takes workers and worker_memory_mb"
        )
    return LocalBackend(
        workers=_worker_count(workers),
        store_url=_store_url(config),
        memory_limit_bytes=None if memory_mb is None else int(memory_mb * 2**20),
    )


def _store_url(config: Config) -> str | None:
    return config.storage.url


def _worker_count(workers: int | None) -> int:
    if workers is None:
        # A call that maps has a core already; its own workers must not multiply.
        nested = os.environ.get("PYWREN_NESTING", "0") != "0"
        return 1 if nested else _cores()
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ConfigError(f"workers: expected a whole number above 0, found {workers!r}")
    return workers


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalBackend:
    """A pool of worker processes in front of a private directory.

    Args:
        workers: how many calls run at the same time.
        store_url: where outcomes go that another process will want; None: a directory of the
            user's own on this machine.
        memory_limit_bytes: a call that holds more is killed; None: no limit.
    """

    name: ClassVar[str] = "local"
    pushes_outcomes: ClassVar[bool] = True
    inline_limit_bytes: ClassVar[int] = 32 * 1024
    default_retries: ClassVar[int] = 0
    queue_allowance_seconds: ClassVar[float] = float("inf")

    def __init__(
        self,
        *,
        workers: int,
        store_url: str | None = None,
        memory_limit_bytes: int | None = None,
    ) -> None:
        self.workers = workers
        self._store_url = store_url
        self._memory_limit_bytes = memory_limit_bytes
        self._functions: dict[str, bytes | FileRef] = {}
        self._uses: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closed = False

    @property
    def store_url(self) -> str:
        """Where outcomes go that another process will want."""
        return self._store_url or f"file://{local_store_directory()}"

    @property
    def owner_path(self) -> str:
        """A file that is locked as long as this backend may still bring outcomes."""
        return self._spool.owner_path

    def open(self, deliver: Deliver) -> None:
        """Start the first worker process."""
        self._spool = Spool()
        self._pool = WorkerPool(
            self.workers,
            directory=self._spool.path,
            deliver=deliver,
            memory_limit_bytes=self._memory_limit_bytes,
        )
        self._pool.open()

    def hold_function(self, digest: str, segments: Segments) -> None:
        """Keep a function for the workers: small ones are sent, large ones are mapped."""
        with self._lock:
            payload = self._functions.pop(digest, None)
            if payload is None:
                payload = self._function_payload(digest, segments)
                self._pool.add_function(digest, payload)
            self._functions[digest] = payload  # now the most recently used
            self._uses[digest] = self._uses.get(digest, 0) + 1
            self._drop_unused()

    def _function_payload(self, digest: str, segments: Segments) -> bytes | FileRef:
        if frame_size(segments) <= _FUNCTION_INLINE_BYTES:
            return join(segments)
        path = f"{self._spool.path}/functions/{digest}"
        return write_frame_file(path, list(pieces(segments)))

    def _drop_unused(self) -> None:
        surplus = len(self._functions) - _FUNCTIONS_KEPT
        unused = [digest for digest in self._functions if not self._uses.get(digest)]
        for digest in unused[: max(0, surplus)]:
            payload = self._functions.pop(digest)
            self._pool.remove_function(digest)
            if isinstance(payload, FileRef):
                os.unlink(payload.path)

    def hold_input(self, callset_id: str, call_id: str, segments: Segments) -> FileRef:
        """Write a large input to a file, which its worker maps."""
        path = f"{self._spool.path}/inputs/{callset_id}-{call_id}"
        return write_frame_file(path, list(pieces(segments)))

    def start(self, callset: CallsetSpec, calls: Sequence[CallSpec], sending: Sending) -> None:
        """Hand calls to the worker processes."""
        self._pool.submit(callset, calls, chunksize=sending.chunksize)

    def release(self, callset: CallsetSpec, call: CallSpec) -> None:
        """Remove the input file of a call that is over."""
        if isinstance(call.input, FileRef):
            try:
                os.unlink(call.input.path)
            except FileNotFoundError:  # the spool went before
                return

    def finish(self, callset: CallsetSpec) -> None:
        """The callset's function may go when room is needed."""
        self._pool.finish(callset.callset_id)
        with self._lock:
            self._uses[callset.function] -= 1

    def running(self, callset_id: str, call_id: str) -> bool:
        """Does a worker run the call at this moment?"""
        return self._pool.running(callset_id, call_id)

    def cancel(self, callset_id: str, call_ids: Collection[str] | None = None) -> None:
        """Drop queued calls and kill the workers of running ones."""
        self._pool.cancel(callset_id, call_ids)

    def process_ids(self) -> list[int]:
        """The process ids of the workers."""
        return self._pool.process_ids()

    def close(self, *, wait: bool) -> None:
        """Stop the workers and remove their files, but for results not looked at yet."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._pool.close(wait=wait)
        self._spool.close(keep_outputs=bool(os.listdir(f"{self._spool.path}/outputs")))
        remove_abandoned()
