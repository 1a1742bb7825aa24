"""What people give by mistake is told at once, in words, and nothing waits for it for ever."""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pywren
from pywren import errors

if TYPE_CHECKING:
    from pywren import Executor


def test_waiting_for_one_future_says_to_put_it_in_a_list(pwex: Executor) -> None:
    future: Any = pwex.call_async(abs, -1)
    for waiting in (pywren.wait, pywren.get_all_results):
        with pytest.raises(TypeError, match=r"found one future: write \[future\]"):
            waiting(future)


@pytest.mark.parametrize("given", [[1, 2], [[]], 5, None])
def test_waiting_for_what_is_no_future_says_what_was_found(given: Any) -> None:
    found = type(given[0] if isinstance(given, list) else given).__name__
    for waiting in (pywren.wait, pywren.get_all_results):
        with pytest.raises(TypeError, match=f"fs: expected .*futures, found {found}"):
            waiting(given)


def test_mapping_over_what_cannot_be_read_says_so(pwex: Executor) -> None:
    items: Any = 5
    with pytest.raises(TypeError, match="iterdata: expected an iterable, found int"):
        pwex.map(abs, items)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extra_env": ["A"]}, r"extra_env: expected a dictionary, found \['A'\]"),
        ({"extra_meta": "abc"}, "extra_meta: expected a dictionary, found 'abc'"),
        ({"timeout": "3"}, r"timeout: expected seconds, found '3' \(str\)"),
    ],
)
def test_an_option_of_the_wrong_type_is_named(
    pwex: Executor, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        pwex.map(abs, [1], **options)


def test_a_runtime_of_the_wrong_type_is_named() -> None:
    runtime: Any = "10"
    with pytest.raises(TypeError, match="job_max_runtime: expected seconds, found '10'"):
        pywren.local_executor(job_max_runtime=runtime)


def test_seconds_may_be_any_number(pwex: Executor) -> None:
    seconds: Any = [np.int64(60), np.float32(60), Fraction(60)]
    assert [pwex.call_async(abs, -1, timeout=each).result() for each in seconds] == [1, 1, 1]


def test_an_item_that_cannot_be_pickled_is_not_called_a_result(pwex: Executor) -> None:
    with pytest.raises(errors.SerializationError, match=r"item 0 .*: itself: _thread\.lock"):
        pwex.map(abs, [threading.Lock()])  # type: ignore[list-item]
