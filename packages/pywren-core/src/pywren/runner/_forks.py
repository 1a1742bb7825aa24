"""What a fork of this process must not hold on to: descriptors whose closing means something."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["let_go_in_forks"]


class Holder(Protocol):
    """Something that owns such descriptors."""

    def let_go(self) -> None:
        """Close them, and do nothing else: the other process still works with what they mean."""


_holders: weakref.WeakSet[Holder] | None = None


def let_go_in_forks(holder: Holder) -> None:
    """Call the `let_go` of `holder`, while it is there, in every process forked from this one."""
    global _holders  # noqa: PLW0603 - a handler cannot be taken back: there is one for the process
    if _holders is None:
        _holders = weakref.WeakSet()
        os.register_at_fork(after_in_child=_let_go)
    _holders.add(holder)


def _let_go() -> None:
    for holder in list(_holders or ()):
        holder.let_go()
