"""A progress bar over futures: in a terminal or a notebook, when it is asked for or takes long."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pywren.futures._future import ResponseFuture

__all__ = ["Progress", "open_progress"]

LONG_SECONDS: Final = 2.0
"""On a terminal, a wait that takes longer shows a bar though nobody asked for one."""


class Progress:
    """How many of some futures are over, shown from the moment at which that is wanted."""

    def __init__(
        self, futures: Sequence[ResponseFuture[Any]], *, wanted: bool, after_seconds: float
    ) -> None:
        self.wanted = wanted
        self._futures = futures
        self._shown_at = time.monotonic() + after_seconds
        self._bar: Any = None

    def update(self) -> None:
        """Show how things stand, if it is time."""
        if not self.wanted or time.monotonic() < self._shown_at:
            return
        done = sum(future.done() for future in self._futures)
        if self._bar is None:  # what was over before it is no part of its rate
            self._bar = _bar_class()(total=len(self._futures), initial=done, unit="call")
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Show the end and leave it on the screen."""
        if self._bar is not None:
            self.update()
            self._bar.close()
        self.wanted = False


def _bar_class() -> Any:
    import warnings

    with warnings.catch_warnings():
        # In a notebook without widgets tqdm warns, and goes on as text: that is good enough.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm


def open_progress(futures: Sequence[ResponseFuture[Any]], wanted: bool | None) -> Progress:
    """A bar at once if `wanted`, never if not, and if None: on a terminal, once it takes long."""
    if wanted is None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        return Progress(futures, wanted=terminal, after_seconds=LONG_SECONDS)
    progress = Progress(futures, wanted=wanted, after_seconds=0.0)
    progress.update()
    return progress
