"""Outcome records as they lie in the store: signed, and verified before anything is decoded.

::

    magic   version   attempt   HMAC-SHA256   body
    4 B     u32       u32       32 B          the outcome in MessagePack

The signature covers the version, the callset id, the call id, the attempt and the body, under a
key that is never in the store. Whoever can merely write to the store can therefore not make the
client believe an outcome: not a new one, not a changed one, not another call's. The body is
decoded into a plain record; nothing in it is unpickled here.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import TYPE_CHECKING, Final

import msgspec

from pywren.errors import IntegrityError, VersionMismatch
from pywren.protocol import PROTOCOL_VERSION, Outcome, from_msgpack, to_msgpack
from pywren.store.layout import outcome_key

if TYPE_CHECKING:
    from pywren.store.interface import Bytes

__all__ = ["MIN_SIGNING_KEY_BYTES", "new_signing_key", "sign", "verify", "verify_digest"]

MIN_SIGNING_KEY_BYTES: Final = 16

_MAGIC: Final = b"PWO1"
_HEAD: Final = struct.Struct("<4sII32s")


def new_signing_key() -> bytes:
    """A fresh signing key: 256 random bits, for one callset."""
    import os

    return os.urandom(32)


def sign(outcome: Outcome, signing_key: bytes) -> bytes:
    """The outcome as a signed record, ready to be stored under its `outcome_key`.

    Raises `ValueError` if the signing key is shorter than 16 bytes.
    """
    body = to_msgpack(outcome)
    version, attempt = outcome.protocol, outcome.attempt
    mac = _mac(signing_key, (version, outcome.callset_id, outcome.call_id, attempt), body)
    return _HEAD.pack(_MAGIC, version, attempt, mac) + body


def verify(record: Bytes, signing_key: bytes, *, callset_id: str, call_id: str) -> Outcome:
    """The outcome in a record that was read for this call.

    Raises `IntegrityError`, naming the key, unless exactly this record was signed for this call
    with this signing key: cut short, changed, another call's, or not signed at all. Raises
    `VersionMismatch` if it is genuine, but of another protocol version.
    """
    key = outcome_key(callset_id, call_id)
    view = memoryview(record)
    if len(view) < _HEAD.size or bytes(view[:4]) != _MAGIC:
        raise IntegrityError(f"{key} is not a signed outcome record ({len(view)} bytes); {_ADVICE}")
    _, version, attempt, mac = _HEAD.unpack_from(view)
    body = view[_HEAD.size :]
    expected = _mac(signing_key, (version, callset_id, call_id, attempt), body)
    if not hmac.compare_digest(mac, expected):
        raise IntegrityError(f"the signature of {key} is wrong; {_ADVICE}")
    if version != PROTOCOL_VERSION:
        raise VersionMismatch(
            f"{key} was written with protocol {version}, this client speaks {PROTOCOL_VERSION}: "
            "bring client and worker to releases that share a protocol"
        )
    return _decode(body, key)


def verify_digest(data: Bytes, sha256: str, what: str) -> None:
    """Make sure that `data` is what its digest says; `what` names it in the message.

    Raises `IntegrityError` if the sha256 of `data` is not `sha256` (hexadecimal).
    """
    found = hashlib.sha256(data).hexdigest()
    if not hmac.compare_digest(found, sha256):
        raise IntegrityError(
            f"{what}: expected bytes with sha256 {sha256}, found {len(memoryview(data))} bytes "
            f"with sha256 {found}; {_ADVICE}"
        )


_ADVICE: Final = (
    "it was damaged, or written by someone else: nothing of it was used; run the call again, "
    "and see who can write to the store"
)


def _mac(key: bytes, context: tuple[int, str, str, int], body: Bytes) -> bytes:
    if len(key) < MIN_SIGNING_KEY_BYTES:
        raise ValueError(
            f"a signing key needs at least {MIN_SIGNING_KEY_BYTES} bytes, found {len(key)}: "
            "make one with new_signing_key()"
        )
    # MessagePack delimits its values, so no two contexts run into the same bytes.
    mac = hmac.new(key, msgspec.msgpack.encode(context), "sha256")
    mac.update(body)
    return mac.digest()


def _decode(body: memoryview, key: str) -> Outcome:
    try:
        return from_msgpack(body, Outcome)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"{key} is signed but is not an outcome: {error}") from error
