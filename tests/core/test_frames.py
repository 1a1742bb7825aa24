"""Payload frames: what goes in comes out, and what is broken is found to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywren.errors import IntegrityError
from pywren.frames import ALIGNMENT, frame_size, join, pieces, segment_places, split

SEGMENTS = st.lists(st.binary(max_size=200), max_size=12)


@given(SEGMENTS)
def test_what_is_joined_is_split_again(segments: list[bytes]) -> None:
    frame = join(segments)
    assert [bytes(part) for part in split(frame)] == segments
    assert len(frame) == frame_size(segments)
    assert b"".join(pieces(segments)) == frame


@given(SEGMENTS)
def test_every_segment_can_be_used_in_place(segments: list[bytes]) -> None:
    frame = bytearray(join(segments))
    for number, part in enumerate(split(frame)):
        assert len(part) == len(segments[number])
    places = segment_places(bytes(frame[:4096]), len(frame))
    assert places is not None
    for (offset, size), segment in zip(places, segments, strict=True):
        assert offset % ALIGNMENT == 0
        assert frame[offset : offset + size] == segment


@given(SEGMENTS.filter(any), st.data())
def test_a_frame_that_is_cut_short_is_found_out(segments: list[bytes], data: st.DataObject) -> None:
    frame = join(segments)
    while not segments[-1]:  # nothing is missing where nothing was
        segments = segments[:-1]
    end = len(join(segments))
    with pytest.raises(IntegrityError):
        split(frame[: data.draw(st.integers(0, min(end, len(frame)) - 1))][: len(frame) - 1])


@given(SEGMENTS, st.data())
def test_a_damaged_frame_is_another_or_an_integrity_error(
    segments: list[bytes], data: st.DataObject
) -> None:
    frame = bytearray(join(segments))
    place = data.draw(st.integers(0, len(frame) - 1))
    frame[place] ^= data.draw(st.integers(1, 255))
    try:
        parts = split(frame)
    except IntegrityError:
        return
    assert sum(len(part) for part in parts) <= len(frame)


@given(st.binary(max_size=300))
def test_noise_is_no_frame(noise: bytes) -> None:
    for data in (noise, b"PWF1" + noise):
        try:
            split(data)
        except IntegrityError:
            continue


def test_nothing_is_copied() -> None:
    frame = bytearray(join([b"pickle", b"x" * 100]))
    split(frame)[1][0] = ord("y")
    assert b"yxx" in frame


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_will_do(kind: type) -> None:
    frame = join([kind(b"one"), kind(b"two")])
    assert [bytes(part) for part in split(kind(frame))] == [b"one", b"two"]


def test_sizes_count_bytes_and_not_items() -> None:
    wide = memoryview(bytes(80)).cast("d")
    assert [part.nbytes for part in split(join([b"", wide]))] == [0, 80]
