"""What is refused, what is interrupted and what is done in odd places leaves nothing waiting."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pywren

if TYPE_CHECKING:
    from collections.abc import Callable

    from pywren import Executor, ResponseFuture

    Eventually = Callable[[Callable[[], bool]], None]


def standard_future() -> Future[int]:
    future: Future[int] = Future()
    future.set_result(1)
    return future


@pytest.mark.parametrize("strange", [1, standard_future()], ids=["a value", "another's future"])
def test_reduce_refuses_what_has_no_outcome(pwex: Executor, strange: Any) -> None:
    good = pwex.call_async(abs, -1)
    with pytest.raises(TypeError, match=r"found (int|Future) as item 1"):
        pwex.reduce(sum, [good, strange])
    pwex.shutdown()


@pytest.mark.parametrize(
    "options", [{"extra_meta": {"size": 2**70}}, {"extra_env": {"NAME": "\udc80"}}], ids=str
)
def test_what_cannot_be_sent_is_not_waited_for(pwex: Executor, options: dict[str, Any]) -> None:
    with pytest.raises((OverflowError, UnicodeEncodeError)):
        pwex.map(abs, [-1, -2], **options)
    pwex.shutdown()


@pytest.mark.parametrize("wait", [True, False])
def test_shutdown_in_a_callback_waits_for_nothing(
    pwex: Executor, gate: Path, pass_gate: Callable[[int], int], *, wait: bool
) -> None:
    first = pwex.call_async(pass_gate, 0)
    others = pwex.map(lambda item: item, range(20))
    first.add_done_callback(lambda _: pwex.shutdown(wait=wait))
    gate.touch()
    assert pywren.wait([first, *others], timeout=60)[1] == []
    assert first.result() == 0
    if wait:
        assert pywren.get_all_results(others) == list(range(20))


def test_large_results_of_cancelled_calls_take_no_room(
    pwex: Executor, own_temporary_directory: Path, eventually: Eventually
) -> None:
    for _ in range(20):
        futures = pwex.map(lambda _: bytes(300_000), range(20))
        futures[0].add_done_callback(lambda _, futures=futures: cancel(futures[1:]))  # type: ignore[misc]
        pywren.wait(futures, timeout=60)
        del futures
    eventually(lambda: not list(own_temporary_directory.glob("*/outputs/*")))


def cancel(futures: list[ResponseFuture[Any]]) -> None:
    for future in futures:
        future.cancel()


def test_a_fork_that_leaves_a_stream_cancels_nothing_of_its_parent() -> None:
    script = """
        import os, sys, warnings
        import pywren
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: as meant
        with pywren.local_executor(workers=1) as pwex:
            results = []
            for result in pwex.imap(lambda item: item, range(8), window=4):
                results.append(result)
                if result == 0:
                    fork = os.fork()
                    if not fork:
                        sys.exit(0)
                    os.waitpid(fork, 0)
            print(results)
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=dict(os.environ),
    )
    assert ended.stdout == f"{list(range(8))}\n", ended.stderr


def test_an_exception_travels_whatever_characters_are_in_it(pwex: Executor) -> None:
    def complain(_: int) -> None:
        raise ValueError("half a pair: \udc80")

    error = pwex.call_async(complain, 0).exception(timeout=60)
    assert type(error) is ValueError
    assert error.args == ("half a pair: \udc80",)
