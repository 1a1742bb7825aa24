"""The futures that a caller hands over, looked at before anything is done with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pywren.futures._future import ResponseFuture

__all__ = ["given_futures"]


def given_futures(name: str, fs: Iterable[ResponseFuture[Any]]) -> list[ResponseFuture[Any]]:
    """The futures in a list. `TypeError` if they are anything else; `name` begins its message.

    One future alone, a list of lists and a list of results are what people give by mistake.
    """
    if isinstance(fs, ResponseFuture):
        raise TypeError(f"{name}: expected a list of futures, found one future: write [future]")
    if not isinstance(fs, Iterable):
        raise TypeError(f"{name}: expected a list of futures, found {type(fs).__name__}")
    futures = list(fs)
    for number, future in enumerate(futures):
        if not isinstance(future, ResponseFuture):
            raise TypeError(
                f"{name}: expected futures, found {type(future).__name__} as item {number}: "
                "give what map returned, several lists joined with +"
            )
    return futures
