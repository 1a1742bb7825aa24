"""Where everything is in the store: the keys, relative to the store's URL.

::

    functions/<sha256>                        functions, stored once per content
    runtimes/<sha256>                         packed third-party packages, likewise
    callsets/<id>/manifest                    the callset's spec, without signing_key and env
    callsets/<id>/data                        inputs that do not fit into the call specs
    callsets/<id>/input/<call>                one input that has an object of its own
    callsets/<id>/outcomes/<block>/<call>     outcome records; the first writer wins
    callsets/<id>/output/<call>/<attempt id>  outputs too large for their outcome record
    callsets/<id>/cancel                      present once the callset is cancelled

Outcomes are grouped in blocks of 1,000 calls: a finished block is never listed again, and
unfinished ones are listed side by side. An output's key names the attempt, because a second
attempt at the same call must not replace the output that the first one's record points to.

>>> outcome_key("c0ffee", "01234")
'callsets/c0ffee/outcomes/00001/01234'
>>> parse_outcome_key(outcome_key("c0ffee", "01234"))
('c0ffee', '01234')
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "BLOCK_CALLS",
    "callset_prefix",
    "cancel_key",
    "data_key",
    "function_key",
    "input_key",
    "manifest_key",
    "outcome_block",
    "outcome_key",
    "outcomes_prefix",
    "output_key",
    "parse_outcome_key",
    "runtime_key",
]

BLOCK_CALLS: Final = 1000
"""How many calls' outcomes are listed together: one page of an S3 listing."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CALL: Final = re.compile(r"[0-9]{1,18}")
_OUTCOME: Final = re.compile(r"callsets/([A-Za-z0-9_-]{1,128})/outcomes/([0-9]+)/([0-9]{1,18})")


def function_key(digest: str) -> str:
    """The key of the function whose payload has this sha256 (hexadecimal)."""
    return f"functions/{_checked(_DIGEST, digest, 'sha256 in hexadecimal')}"


def runtime_key(digest: str) -> str:
    """The key of the packed runtime that has this sha256 (hexadecimal)."""
    return f"runtimes/{_checked(_DIGEST, digest, 'sha256 in hexadecimal')}"


def callset_prefix(callset_id: str) -> str:
    """The folder of all that belongs to one callset."""
    return f"callsets/{_checked(_NAME, callset_id, 'callset id')}"


def manifest_key(callset_id: str) -> str:
    """The key of the callset's manifest."""
    return f"{callset_prefix(callset_id)}/manifest"


def data_key(callset_id: str) -> str:
    """The key of the object that holds the callset's inputs, one after the other."""
    return f"{callset_prefix(callset_id)}/data"


def cancel_key(callset_id: str) -> str:
    """The key whose presence says that the callset is cancelled."""
    return f"{callset_prefix(callset_id)}/cancel"


def input_key(callset_id: str, call_id: str) -> str:
    """The key of a call's input, if it has an object of its own."""
    return f"{callset_prefix(callset_id)}/input/{_checked(_CALL, call_id, 'call id')}"


def output_key(callset_id: str, call_id: str, attempt_id: str) -> str:
    """The key of the output of one attempt at a call, if it is too large for its record."""
    call = _checked(_CALL, call_id, "call id")
    attempt = _checked(_NAME, attempt_id, "attempt id")
    return f"{callset_prefix(callset_id)}/output/{call}/{attempt}"


def outcome_block(call_id: str) -> str:
    """The name of the block that the call's outcome is listed in.

    >>> outcome_block("00999"), outcome_block("01000")
    ('00000', '00001')
    """
    return f"{int(_checked(_CALL, call_id, 'call id')) // BLOCK_CALLS:05d}"


def outcomes_prefix(callset_id: str, block: str | None = None) -> str:
    """The folder of the callset's outcome records: of all, or of one block."""
    folder = f"{callset_prefix(callset_id)}/outcomes"
    return folder if block is None else f"{folder}/{_checked(_CALL, block, 'block')}"


def outcome_key(callset_id: str, call_id: str) -> str:
    """The key of the call's outcome record."""
    return f"{outcomes_prefix(callset_id, outcome_block(call_id))}/{call_id}"


def parse_outcome_key(key: str) -> tuple[str, str] | None:
    """The callset id and call id whose `outcome_key` this is; None for any other key."""
    match = _OUTCOME.fullmatch(key)
    if match is None or match[2] != outcome_block(match[3]):
        return None
    return match[1], match[3]


def _checked(pattern: re.Pattern[str], text: str, name: str) -> str:
    if pattern.fullmatch(text):
        return text
    raise ValueError(f"expected a {name}, found {text!r}")
