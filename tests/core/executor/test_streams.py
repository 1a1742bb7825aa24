"""Results as a stream: the input is read as far as the window reaches, and no further."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pywren import Executor

    Eventually = Callable[[Callable[[], bool]], None]


class Source:
    """An endless input that counts how far it was read."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[int]:
        for item in itertools.count():
            self.read += 1
            yield item


def test_results_come_in_order_from_an_endless_input(pwex: Executor) -> None:
    source = Source()
    stream = pwex.imap(lambda n: n * 2, source, window=7)
    for expected in range(0, 100, 2):
        assert next(stream) == expected
        assert source.read <= expected / 2 + 7
    assert list(itertools.islice(stream, 3)) == [100, 102, 104]


def test_unordered_results_come_as_they_are_there(
    pwex: Executor, pass_gate: Callable[[int], int], gate: Any
) -> None:
    def work(item: int) -> int:
        return pass_gate(item) if item == 0 else item

    source = Source()
    stream = pwex.imap_unordered(work, source, window=4)
    first = [next(stream) for _ in range(20)]
    assert 0 not in first
    assert source.read <= 24
    gate.touch()
    assert 0 in itertools.islice(stream, 100_000)  # others may be faster for a while


def test_reading_starts_when_results_are_asked_for(pwex: Executor) -> None:
    source = Source()
    stream = pwex.imap(abs, source, window=3)
    assert source.read == 0
    assert next(stream) == 0
    assert source.read == 3


@pytest.mark.parametrize("window", [1, 2, 50])
def test_any_window_yields_everything(pwex: Executor, window: int) -> None:
    assert list(pwex.imap(abs, range(20), window=window)) == list(range(20))
    assert sorted(pwex.imap_unordered(abs, range(20), window=window)) == list(range(20))


@pytest.mark.parametrize("window", [0, -1, 1.5, True, None])
def test_a_window_is_a_whole_number_from_one_up(pwex: Executor, window: Any) -> None:
    for method in (pwex.imap, pwex.imap_unordered):
        with pytest.raises(ValueError, match="window"):
            method(abs, [1], window=window)


def test_closing_cancels_what_is_outstanding(
    pwex: Executor, pass_gate: Callable[[int], int]
) -> None:
    stream = pwex.imap(lambda n: n if n < 2 else pass_gate(n), itertools.count(), window=5)
    assert [next(stream), next(stream)] == [0, 1]
    stream.close()  # type: ignore[attr-defined]
    assert list(stream) == []
    assert pwex.submit(abs, -4).result(timeout=30) == 4  # the workers are free


def test_a_failed_call_is_raised_in_its_place_and_ends_the_stream(pwex: Executor) -> None:
    stream = pwex.imap(lambda n: 1 // (3 - n), itertools.count(), window=4)
    assert [next(stream) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(stream)
    assert list(stream) == []


class Falsy(Exception):
    def __bool__(self) -> bool:
        return False


@pytest.mark.parametrize("kind", [ValueError, Falsy])
def test_exceptions_are_yielded_if_asked_for(pwex: Executor, kind: type[Exception]) -> None:
    def fail(item: int) -> int:
        if item == 1:
            raise kind("odd")
        return item

    for method in (pwex.imap, pwex.imap_unordered):
        results = list(method(fail, range(3), return_exceptions=True))
        assert sorted(map(str, results)) == ["0", "2", "odd"]
        assert any(isinstance(result, kind) for result in results)


def test_an_input_that_raises_ends_the_stream(pwex: Executor) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise LookupError("the end")

    stream = pwex.imap(abs, items(), window=1)
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError, match="the end"):
        next(stream)
