"""obstore's threads do not survive a fork: a call in the child would wait for them for ever."""

from __future__ import annotations

import os

from pywren.errors import StorageError

__all__ = ["check_not_forked"]

_home: int | None = None  # the process in which obstore was used first: its threads live there


def check_not_forked(where: str) -> None:
    """Raise `StorageError` if this process was forked from one that had already used obstore."""
    global _home  # noqa: PLW0603 - a fact about the process, like its id
    pid = os.getpid()
    if _home is None:
        _home = pid
    elif _home != pid:
        raise StorageError(
            f"{where}: process {pid} was forked from {_home}, which had used a store before, and "
            "no connection survives that; fork before the first use, or start the process anew "
            "(multiprocessing's 'spawn' or 'forkserver')"
        )
