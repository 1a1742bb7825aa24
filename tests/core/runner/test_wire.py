"""Messages come out of the stream as they went in, however it is cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pywren.runner._wire import CALLS, DROP, FUNCTION, OUTCOME, READY, MessageReader, message

Message = tuple[bytes, int, bytes]

MESSAGES = st.lists(
    st.tuples(
        st.sampled_from([CALLS, DROP, FUNCTION, OUTCOME, READY]),
        st.integers(0, 2**64 - 1),
        st.binary(max_size=60),
    ),
    max_size=8,
)


@given(MESSAGES, st.lists(st.integers(0, 600), max_size=12))
def test_any_cuts_of_the_stream_give_the_same_messages(
    messages: list[Message], cuts: list[int]
) -> None:
    stream = b"".join(message(kind, body, number) for kind, number, body in messages)
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    reader = MessageReader()
    read: list[Message] = []
    for begin, end in pairwise(places):
        read += reader.feed(stream[begin:end])
    assert read == messages


@given(MESSAGES.filter(bool))
def test_a_message_that_is_cut_is_none(messages: list[Message]) -> None:
    stream = b"".join(message(kind, body, number) for kind, number, body in messages)
    assert list(MessageReader().feed(stream[:-1])) == messages[:-1]
