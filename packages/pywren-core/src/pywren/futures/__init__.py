"""What a user holds of a call, and how to wait for it."""

from __future__ import annotations

from pywren.futures._future import ResponseFuture
from pywren.futures._waiting import (
    ALL_COMPLETED,
    ALWAYS,
    ANY_COMPLETED,
    as_completed,
    get_all_results,
    wait,
)

__all__ = [
    "ALL_COMPLETED",
    "ALWAYS",
    "ANY_COMPLETED",
    "ResponseFuture",
    "as_completed",
    "get_all_results",
    "wait",
]
