"""The records that client and worker exchange survive every form in which they travel."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pywren.protocol import (
    PROTOCOL_VERSION,
    PYTHON_VERSION,
    CallsetSpec,
    CallSpec,
    Dispatch,
    ErrorInfo,
    FileRef,
    Outcome,
    OutcomeKind,
    OutcomeRef,
    StoreRef,
    from_json,
    from_msgpack,
    new_callset_id,
    to_json,
    to_msgpack,
)

TEXT = st.text(max_size=20)
BYTES = st.binary(max_size=40)
SIZE = st.integers(0, 2**63 - 1)
SECONDS = st.floats(0, 1e12)
PAYLOAD = st.one_of(
    BYTES,
    st.builds(FileRef, TEXT, SIZE, SIZE),
    st.builds(StoreRef, TEXT, SIZE, TEXT, SIZE),
    st.builds(OutcomeRef, TEXT, TEXT, TEXT, BYTES),
)
PLAIN = st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT)
CALL = st.builds(CallSpec, TEXT, PAYLOAD, st.integers(1, 99), st.lists(PAYLOAD, max_size=3))
CALLSET = st.builds(
    CallsetSpec,
    callset_id=TEXT,
    function=TEXT,
    timeout=SECONDS,
    style=st.sampled_from(["item", "arguments", "parts"]),
    store_url=st.none() | TEXT,
    signing_key=BYTES,
    env=st.dictionaries(TEXT, TEXT, max_size=3),
    runtime=st.none() | TEXT,
    use_cached_runtime=st.booleans(),
    extra_meta=PLAIN,
    submitted_at=SECONDS,
)
OUTCOME = st.builds(
    Outcome,
    callset_id=TEXT,
    call_id=TEXT,
    kind=st.sampled_from(OutcomeKind),
    attempt=st.integers(1, 99),
    attempt_id=TEXT,
    output=st.none() | PAYLOAD,
    error=st.none() | st.builds(ErrorInfo, TEXT, TEXT, TEXT),
    started_at=SECONDS,
    run_seconds=SECONDS,
    peak_memory_bytes=SIZE,
    stdout_tail=BYTES,
    stderr_tail=BYTES,
    exit_code=st.none() | st.integers(-255, 255),
    signal=st.none() | st.integers(1, 64),
    worker=PLAIN,
    extra_meta=PLAIN,
)
RECORD = st.one_of(CALL, CALLSET, OUTCOME, st.builds(Dispatch, CALLSET, st.lists(CALL, max_size=3)))


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(RECORD)
def test_records_survive_json_and_messagepack(record: Any) -> None:
    assert from_json(to_json(record), type(record)) == record
    assert from_msgpack(to_msgpack(record), type(record)) == record


@given(st.binary(max_size=100))
def test_noise_is_no_record(noise: bytes) -> None:
    for read in (from_json, from_msgpack):
        try:
            read(noise, Outcome)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def test_a_field_of_a_later_release_is_passed_over() -> None:
    later = msgspec.msgpack.encode({"call_id": "00000", "colour": "green"})
    assert from_msgpack(later, CallSpec) == CallSpec("00000")
    assert from_json(b'{"call_id": "00000", "colour": 3}', CallSpec) == CallSpec("00000")


@pytest.mark.parametrize("field", ["callset_id", "call_id", "kind"])
def test_an_outcome_without_its_identity_is_refused(field: str) -> None:
    whole = {"callset_id": "c", "call_id": "0", "kind": 0}
    del whole[field]
    with pytest.raises(msgspec.ValidationError, match=field):
        from_msgpack(msgspec.msgpack.encode(whole), Outcome)


def test_the_numbers_of_outcomes_never_change() -> None:
    assert [kind.name for kind in OutcomeKind] == [
        "VALUE",
        "EXCEPTION",
        "UNSERIALIZABLE",
        "UNREADABLE",
        "TIMED_OUT",
        "CANCELLED",
        "CRASHED",
        "OUT_OF_MEMORY",
        "LOST",
        "VERSION_MISMATCH",
        "UNAVAILABLE",
    ]
    assert [kind.value for kind in OutcomeKind] == list(range(11))


def test_specs_say_what_their_client_is() -> None:
    spec = CallsetSpec(callset_id="c", function="f", timeout=1.0)
    assert (spec.protocol, spec.python) == (PROTOCOL_VERSION, PYTHON_VERSION)


def test_small_specs_are_small() -> None:
    assert len(to_msgpack(CallSpec("00000", b"x" * 10))) < 60
    assert to_json(CallSpec("00000")) == b'{"call_id":"00000"}'


def test_callset_ids_differ() -> None:
    ids = {new_callset_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(each) == 32 for each in ids)
