"""A record that was not signed for this very call is never decoded."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywren.errors import IntegrityError, VersionMismatch
from pywren.protocol import PROTOCOL_VERSION, Outcome, OutcomeKind, StoreRef
from pywren.store import records
from pywren.store.layout import outcome_key
from pywren.store.records import new_signing_key, sign, verify, verify_digest

KEY = b"k" * 32
CALLSET = "c" * 32

outcomes = st.builds(
    Outcome,
    callset_id=st.just(CALLSET),
    call_id=st.just("00042"),
    kind=st.sampled_from(OutcomeKind),
    attempt=st.integers(1, 2**31),
    attempt_id=st.text(min_size=1),
    output=st.none() | st.binary() | st.just(StoreRef("k", 1, "00" * 32)),
    stdout_tail=st.binary(),
    run_seconds=st.floats(0, 1e6),
)


def read(record: bytes | memoryview, key: bytes = KEY, call_id: str = "00042") -> Outcome:
    return verify(record, key, callset_id=CALLSET, call_id=call_id)


@given(outcomes)
def test_a_signed_outcome_reads_back_as_it_was(outcome: Outcome) -> None:
    assert read(sign(outcome, KEY)) == outcome
    assert read(memoryview(sign(outcome, KEY))) == outcome


@given(outcomes, st.data())
def test_one_flipped_bit_anywhere_is_refused(outcome: Outcome, data: st.DataObject) -> None:
    record = bytearray(sign(outcome, KEY))
    position = data.draw(st.integers(0, len(record) * 8 - 1))
    record[position // 8] ^= 1 << position % 8
    with pytest.raises(IntegrityError, match=outcome_key(CALLSET, "00042")):
        read(bytes(record))


@given(outcomes, st.data())
def test_a_record_cut_short_or_made_longer_is_refused(
    outcome: Outcome, data: st.DataObject
) -> None:
    record = sign(outcome, KEY)
    with pytest.raises(IntegrityError):
        read(record[: data.draw(st.integers(0, len(record) - 1))])
    with pytest.raises(IntegrityError):
        read(record + data.draw(st.binary(min_size=1)))


@given(outcomes)
def test_another_calls_record_is_refused(outcome: Outcome) -> None:
    record = sign(outcome, KEY)
    with pytest.raises(IntegrityError, match="signature"):
        read(record, call_id="00043")
    with pytest.raises(IntegrityError, match="signature"):
        verify(record, KEY, callset_id="d" * 32, call_id="00042")


def test_a_record_signed_with_another_key_is_refused(outcome: Outcome) -> None:
    with pytest.raises(IntegrityError, match="signature"):
        read(sign(outcome, new_signing_key()))


def test_a_record_without_its_signature_is_refused(outcome: Outcome) -> None:
    for forged in (msgspec.msgpack.encode(outcome), b"", b"PWO1", b"\x80\x04N."):
        with pytest.raises(IntegrityError, match="not a signed outcome record"):
            read(forged)


def test_nothing_is_decoded_before_the_signature_is_checked(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(records, "from_msgpack", lambda *args: decoded.append(args))
    record = bytearray(sign(outcome, KEY))
    record[-1] ^= 1
    with pytest.raises(IntegrityError):
        read(bytes(record))
    assert decoded == []


def test_another_attempts_number_cannot_be_put_on_a_record(outcome: Outcome) -> None:
    record = sign(outcome, KEY)
    older = sign(msgspec.structs.replace(outcome, attempt=2), KEY)
    with pytest.raises(IntegrityError):
        read(older[:12] + record[12:])


def test_a_genuine_record_of_another_protocol_names_both_versions(outcome: Outcome) -> None:
    newer = msgspec.structs.replace(outcome, protocol=PROTOCOL_VERSION + 1)
    with pytest.raises(VersionMismatch, match=f"{PROTOCOL_VERSION + 1}.*{PROTOCOL_VERSION}"):
        read(sign(newer, KEY))


def test_a_short_signing_key_is_refused(outcome: Outcome) -> None:
    for key in (b"", b"k" * 15):
        with pytest.raises(ValueError, match="at least 16 bytes"):
            sign(outcome, key)
        with pytest.raises(ValueError, match="at least 16 bytes"):
            read(sign(outcome, KEY), key)


def test_signing_keys_are_long_and_never_the_same() -> None:
    assert len({new_signing_key() for _ in range(100)}) == 100
    assert len(new_signing_key()) == 32


@given(st.binary(), st.binary())
def test_bytes_are_believed_only_by_their_digest(data: bytes, other: bytes) -> None:
    digest = hashlib.sha256(data).hexdigest()
    verify_digest(data, digest, "the function")
    if other != data:
        with pytest.raises(IntegrityError, match=f"the input: .*{digest}"):
            verify_digest(memoryview(other), digest, "the input")
