"""Calls on the cores of this machine."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pywren.errors import ConfigError
from pywren.frames import pieces
from pywren.local._head_start import HeadStart
from pywren.local._shelf import FunctionShelf
from pywren.local._spool import local_store_directory, remove_abandoned
from pywren.protocol import CallsetSpec, CallSpec, FileRef
from pywren.runner import WorkerPool, write_frame_file

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pywren.backends import Deliver, Segments, Sending
    from pywren.config import Config

__all__ = ["LocalBackend", "open_backend"]


def open_backend(
    config: Config,
    *,
    job_max_runtime: float,
    workers: int | None = None,
    worker_memory_mb: float | None = None,
    head_start: HeadStart | None = None,
    **unknown: Any,
) -> LocalBackend:
    """The local backend as the configuration wants it; the entry point of the same name."""
    if unknown:
        raise ConfigError(
            f"the local executor has no option {min(unknown)!r}: "
            "it takes workers and worker_memory_mb"
        )
    if worker_memory_mb is not None and not worker_memory_mb > 0:
        raise ConfigError(f"worker_memory_mb: expected MiB above 0, found {worker_memory_mb!r}")
    return LocalBackend(
        head_start or HeadStart(workers),
        store_url=config.storage.url,
        memory_limit_bytes=None if worker_memory_mb is None else int(worker_memory_mb * 2**20),
    )


class LocalBackend:
    """A pool of worker processes in front of a private directory.

    Args:
        head_start: the private directory and the first worker.
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
        head_start: HeadStart,
        *,
        store_url: str | None = None,
        memory_limit_bytes: int | None = None,
    ) -> None:
        self._head_start = head_start
        self._spool = head_start.spool
        self._store_url = store_url
        self._memory_limit_bytes = memory_limit_bytes
        self._lock = threading.Lock()
        self._state: Literal["new", "open", "closed"] = "new"

    @property
    def workers(self) -> int:
        """How many calls run at the same time."""
        return self._head_start.workers

    @cached_property
    def store_url(self) -> str:
        """Where outcomes go that another process will want."""
        from pathlib import Path

        return self._store_url or Path(local_store_directory()).as_uri()

    @property
    def owner_path(self) -> str:
        """A file that is locked as long as this backend may still bring outcomes."""
        return self._spool.owner_path

    def open(self, deliver: Deliver) -> None:
        """Put the first worker under supervision."""
        self._pool = WorkerPool(
            self.workers,
            directory=self._spool.path,
            deliver=deliver,
            memory_limit_bytes=self._memory_limit_bytes,
            environment=self._head_start.environment,
            first=self._head_start.take(),
        )
        self._shelf = FunctionShelf(self._pool, f"{self._spool.path}/functions")
        self._state = "open"
        self._pool.open()

    def hold_function(self, digest: str, segments: Segments) -> None:
        """Keep a function for the workers: small ones are sent, large ones are mapped."""
        self._shelf.hold(digest, segments)

    def hold_input(self, callset_id: str, call_id: str, segments: Segments) -> FileRef:
        """Write a large input to a file, which its worker maps."""
        path = f"{self._spool.path}/inputs/{callset_id}-{call_id}"
        return write_frame_file(path, list(pieces(segments)))

    def start(self, callset: CallsetSpec, calls: Sequence[CallSpec], sending: Sending) -> None:
        """Hand calls to the worker processes."""
        self._pool.submit(callset, calls, chunksize=sending.chunksize)

    def release(self, callset: CallsetSpec, call: CallSpec) -> None:
        """Remove the input files of a call that is over."""
        for payload in (call.input, *call.parts):
            if isinstance(payload, FileRef):
                with suppress(FileNotFoundError):  # the spool went before
                    os.unlink(payload.path)

    def finish(self, callset: CallsetSpec) -> None:
        """The callset's function may go when room is needed."""
        self._pool.finish(callset.callset_id)
        self._shelf.let_go(callset.function)

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
            state, self._state = self._state, "closed"
        if state == "new":
            self._head_start.abandon()
        if state != "open":
            return
        self._pool.close(wait=wait)
        self._spool.close(keep_outputs=bool(os.listdir(f"{self._spool.path}/outputs")))
        remove_abandoned()
