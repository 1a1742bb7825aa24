"""The first worker of a local executor, started before anything else is done.

A new process takes as long to come up as this one takes to import the rest of PyWren, so both
happen at the same time. This module therefore imports little itself.
"""

from __future__ import annotations

import os
import weakref

from pywren.local._cores import worker_count
from pywren.local._spool import Spool
from pywren.runner._process import ChildProcess, child_environment

__all__ = ["HeadStart"]


class HeadStart:
    """A spool and a worker process in it, until a backend takes both over.

    Args:
        workers: how many workers the executor will have; None: as many as there are cores.
    """

    def __init__(self, workers: int | None) -> None:
        self.workers = worker_count(workers)
        self.spool = Spool()
        self.environment = child_environment(os.environ, self.workers, os.cpu_count() or 1)
        self.process: ChildProcess | None = self._start()
        self._abandon = weakref.finalize(self, _end, self.process, self.spool)

    def _start(self) -> ChildProcess | None:
        try:
            return ChildProcess(self.spool.path, "first", self.environment)
        except OSError:  # the pool tries again, and says what is wrong if that fails too
            return None

    def take(self) -> ChildProcess | None:
        """Take the process over; from now on somebody else sees to its end and the spool's."""
        self._abandon.detach()
        return self.process

    def abandon(self) -> None:
        """End the process and remove the spool, unless they were taken over."""
        self._abandon()


def _end(process: ChildProcess | None, spool: Spool) -> None:
    if os.getpid() != spool.process_id:  # a fork, which knows of both by accident
        return
    if process is not None:
        process.wait()
        process.close()
    spool.close()
