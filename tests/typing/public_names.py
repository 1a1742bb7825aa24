"""What type checkers must make of the public names. Checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from typing import Any, assert_type

import pywren
from pywren import Executor, ResponseFuture, errors


def length(text: str) -> int:
    return len(text)


def total(numbers: list[int]) -> float:
    return float(sum(numbers))


def every_factory_makes_an_executor() -> None:
    assert_type(pywren.default_executor(), Executor)
    assert_type(pywren.default_executor({"s3": {}}, job_max_runtime=10), Executor)
    assert_type(pywren.local_executor(workers=2), Executor)
    assert_type(pywren.lambda_executor(), Executor)
    assert_type(pywren.standalone_executor(), Executor)
    assert_type(pywren.remote_executor(), Executor)


def futures_carry_the_type_of_the_function(pwex: Executor) -> None:
    assert_type(pwex.map(length, ["a"]), list[ResponseFuture[int]])
    assert_type(pwex.call_async(length, "a"), ResponseFuture[int])
    assert_type(pwex.submit(length, "a"), ResponseFuture[int])
    assert_type(pwex.reduce(total, pwex.map(length, ["a"])), ResponseFuture[float])
    assert_type(pwex.map_reduce(length, ["a"], total), ResponseFuture[float])
    assert_type(pwex.imap(length, ["a"]), Iterator[int])
    assert_type(pwex.imap_unordered(length, ["a"]), Iterator[int])


def the_item_must_suit_the_function(pwex: Executor) -> None:
    pwex.map(length, [1])  # type: ignore[arg-type]  # the claim: an int is no str
    pwex.call_async(length, 1)  # type: ignore[arg-type]  # the same for one call


def waiting_keeps_the_type(futures: list[ResponseFuture[int]]) -> None:
    both = tuple[list[ResponseFuture[int]], list[ResponseFuture[int]]]
    assert_type(pywren.wait(futures), both)
    assert_type(pywren.wait(futures, pywren.ANY_COMPLETED, 8, 0.1), both)
    assert_type(pywren.get_all_results(futures), list[int])
    assert_type(pywren.as_completed(futures), Iterator[ResponseFuture[int]])


async def a_future_is_a_standard_one_and_can_be_awaited(future: ResponseFuture[int]) -> None:
    standard: Future[int] = future
    assert_type(standard.result(), int)
    assert_type(future.result(timeout=1), int)
    assert_type(future.run_status, dict[str, Any])
    assert_type(await future, int)


def with_gives_the_executor() -> None:
    with pywren.local_executor() as pwex:
        assert_type(pwex, Executor)


def a_call_that_took_too_long_is_a_timeout(timed_out: errors.CallTimedOut) -> TimeoutError:
    return timed_out


def a_cancelled_call_is_a_cancelled_future(cancelled: errors.CallCancelled) -> CancelledError:
    return cancelled


def a_config_error_is_a_value_error(error: errors.ConfigError) -> ValueError:
    return error
