"""From the items of an iterable to call specs."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pywren.frames import frame_size, join
from pywren.protocol import CallSpec
from pywren.serialization.pickling import dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pywren.backends import Backend

__all__ = ["batches", "call_specs", "check_limit"]

_LARGEST_BATCH: Final = 500


def call_specs(
    callset_id: str, items: Iterable[Any], backend: Backend, first: int = 0
) -> Iterator[CallSpec]:
    """The spec of a call for each item, numbered from `first`; lazily, and each item once.

    Inputs that are too large to travel inside the spec are handed to the backend here.
    """
    limit = backend.inline_limit_bytes
    for number, item in enumerate(items, first):
        segments = dump(item, f"item {number} of the data")
        call_id = f"{number:05d}"
        if frame_size(segments) <= limit:
            yield CallSpec(call_id, join(segments))
        else:
            yield CallSpec(call_id, backend.hold_input(callset_id, call_id, segments))


def batches(calls: Iterable[CallSpec]) -> Iterator[list[CallSpec]]:
    """The calls in batches that grow: the first one leaves at once, and many leave together."""
    source = iter(calls)
    size = 1
    while batch := list(islice(source, size)):
        yield batch
        size = min(size * 2, _LARGEST_BATCH)


def check_limit(items: Iterable[Any], limit: int | None) -> Iterable[Any]:
    """The items, if they can be read and are not more than `limit`; else nothing is sent.

    What has no length is read to its end, or to one item past the limit.
    """
    if not hasattr(items, "__iter__") and not hasattr(items, "__getitem__"):
        raise TypeError(
            f"iterdata: expected an iterable, found {type(items).__name__}: "
            "call_async makes a single call"
        )
    if limit is None:
        return items
    try:
        count = len(items)  # type: ignore[arg-type]  # the except below is for those without
    except TypeError:
        items = list(islice(items, limit + 1))
        count = len(items)
    if count > limit:
        raise ValueError(
            f"the data has {'at least ' if count == limit + 1 else ''}{count} items and "
            f"scheduler.map_item_limit allows {limit}: map it in parts, or raise the limit"
        )
    return items
