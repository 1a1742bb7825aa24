"""What cannot travel is refused before anything is sent, with the way out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import pywren
from pywren.errors import SerializationError


def generate(number: int) -> Iterator[int]:
    yield number


async def wait_for(number: int) -> int:
    return number


async def generate_slowly(number: int) -> AsyncIterator[int]:
    yield number


@pytest.mark.parametrize(
    ("function", "advice"),
    [
        (generate, "return a list"),
        (wait_for, r"asyncio\.run"),
        (generate_slowly, r"asyncio\.run"),
    ],
)
def test_a_function_whose_result_cannot_travel_is_refused(function: Any, advice: str) -> None:
    with pywren.local_executor(workers=1) as pwex, pytest.raises(TypeError, match=advice):
        pwex.map(function, [1])


def test_an_executor_in_a_function_is_told_from_other_things_that_cannot_travel() -> None:
    with pywren.local_executor(workers=1) as pwex:
        with pytest.raises(SerializationError, match=r"make one inside of the function"):
            pwex.map(lambda item: pwex.submit(abs, item).result(), [1])
        assert pwex.call_async(abs, -1).result() == 1
