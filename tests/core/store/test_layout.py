"""Keys: each thing has one, no two share one, and outcome keys can be read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywren.protocol import new_callset_id
from pywren.store import layout
from pywren.store.keys import check_key

callset_ids = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
call_ids = st.integers(0, 10**9).map("{:05d}".format)


@given(callset_ids, call_ids)
def test_an_outcome_key_reads_back_as_what_it_was_made_of(callset_id: str, call_id: str) -> None:
    key = layout.outcome_key(callset_id, call_id)
    assert layout.parse_outcome_key(key) == (callset_id, call_id)


@given(callset_ids, call_ids, call_ids)
def test_two_calls_never_share_a_key(callset_id: str, one: str, other: str) -> None:
    for make in (layout.outcome_key, layout.input_key):
        assert (make(callset_id, one) == make(callset_id, other)) == (one == other)
    first = layout.output_key(callset_id, one, "a1")
    assert (first == layout.output_key(callset_id, other, "a1")) == (one == other)
    assert first != layout.output_key(callset_id, one, "a2")


@given(callset_ids, call_ids)
def test_every_key_of_a_callset_is_in_its_folder_and_allowed(callset_id: str, call_id: str) -> None:
    keys = [
        layout.manifest_key(callset_id),
        layout.data_key(callset_id),
        layout.cancel_key(callset_id),
        layout.input_key(callset_id, call_id),
        layout.output_key(callset_id, call_id, new_callset_id()),
        layout.outcome_key(callset_id, call_id),
    ]
    assert len(set(keys)) == len(keys)
    for key in keys:
        assert check_key(key).startswith(layout.callset_prefix(callset_id) + "/")


@given(callset_ids, call_ids)
def test_an_outcome_is_listed_in_its_block_and_the_block_in_the_callset(
    callset_id: str, call_id: str
) -> None:
    block = layout.outcomes_prefix(callset_id, layout.outcome_block(call_id))
    assert layout.outcome_key(callset_id, call_id).startswith(block + "/")
    assert block.startswith(layout.outcomes_prefix(callset_id) + "/")


@given(st.integers(0, 10**6))
def test_a_block_holds_a_thousand_calls(number: int) -> None:
    first = number * layout.BLOCK_CALLS
    block = layout.outcome_block(f"{first:05d}")
    assert layout.outcome_block(f"{first + layout.BLOCK_CALLS - 1:05d}") == block
    assert layout.outcome_block(f"{first + layout.BLOCK_CALLS:05d}") != block


@given(st.text())
def test_no_other_key_reads_as_an_outcome(text: str) -> None:
    parsed = layout.parse_outcome_key(text)
    assert parsed is None or layout.outcome_key(*parsed) == text


@pytest.mark.parametrize(
    "key",
    [
        "callsets/c/outcomes/00001/00042",
        "callsets/c/outcomes/00000/00042/x",
        "callsets/c/output/00042/a",
        "x/callsets/c/outcomes/00000/00042",
        "callsets/c/outcomes/00000/٤٢",
    ],
)
def test_a_stranger_among_the_outcomes_is_no_outcome(key: str) -> None:
    assert layout.parse_outcome_key(key) is None


@pytest.mark.parametrize("bad", ["", "../x", "a/b", "x" * 129, "1\n"])
def test_an_id_that_would_break_out_of_its_key_is_refused(bad: str) -> None:
    for make in (
        layout.function_key,
        layout.runtime_key,
        layout.manifest_key,
        layout.outcome_block,
    ):
        with pytest.raises(ValueError, match="expected a"):
            make(bad)
    with pytest.raises(ValueError, match="attempt id"):
        layout.output_key("c", "1", bad)


def test_functions_and_runtimes_are_filed_by_digest() -> None:
    assert layout.function_key("ab" * 32) == "functions/" + "ab" * 32
    assert layout.runtime_key("ab" * 32) == "runtimes/" + "ab" * 32
