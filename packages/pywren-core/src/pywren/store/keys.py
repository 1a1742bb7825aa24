"""Which keys are allowed: the same ones in every store.

The rule is narrow on purpose. A key of these characters is the same text in a URL, in a file
name, in a signature and in a shell, so no store has to quote it and none can disagree about it.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["MAX_KEY_BYTES", "check_key", "check_listing"]

MAX_KEY_BYTES: Final = 900
"""S3 allows 1,024 bytes, with the store's own prefix in them."""

_KEY: Final = re.compile(r"[A-Za-z0-9_.=+@,-]+(?:/[A-Za-z0-9_.=+@,-]+)*")
_DOTS: Final = frozenset((".", ".."))


def check_key(key: str) -> str:
    """The key as it is, if it is one that every store takes.

    Raises `ValueError` for an empty or absolute key, one with empty, `.` or `..` segments, one
    with other characters than letters, digits and `-_.=+@,/`, or one that is too long.

    >>> check_key("callsets/1/data")
    'callsets/1/data'
    >>> check_key("../etc/passwd")
    Traceback (most recent call last):
    ...
    ValueError: '../etc/passwd' cannot be a key: it has a segment '..'; ...
    """
    flaw = _flaw(key)
    if flaw is None:
        return key
    raise ValueError(
        f"{key!r} cannot be a key: {flaw}; a key is made of letters, digits and -_.=+@, "
        "in segments separated by single slashes"
    )


def check_listing(prefix: str, after: str | None) -> str:
    """The prefix without a slash at its end, if it and `after` can be listed; else `ValueError`.

    >>> check_listing("callsets/", None)
    'callsets'
    """
    if after is not None:
        check_key(after)
    folder = prefix.removesuffix("/")
    return check_key(folder) if prefix else ""


def _flaw(key: str) -> str | None:
    if not key:
        return "it is empty"
    if key.startswith("/"):
        return "it is absolute"
    if len(key) > MAX_KEY_BYTES:
        return f"it is {len(key)} characters long, and {MAX_KEY_BYTES} are allowed"
    if not _KEY.fullmatch(key):
        return "it has an empty segment or a character that is not allowed"
    dots = sorted(_DOTS.intersection(key.split("/")))
    return f"it has a segment {dots[0]!r}" if dots else None
