"""What comes back from a call: values, exceptions, and what is said of those that cannot travel."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pywren
from pywren import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Company  # type: ignore[import-not-found]
    from pywren import Executor


def outputs(pwex: Executor) -> list[Path]:
    """The files with large results."""
    return list(Path(pwex.backend.owner_path).parent.glob("outputs/*"))  # type: ignore[attr-defined]


def inputs(pwex: Executor) -> list[Path]:
    return list(Path(pwex.backend.owner_path).parent.glob("inputs/*"))  # type: ignore[attr-defined]


def test_none_is_a_result(pwex: Executor) -> None:
    future = pwex.call_async(lambda _: None, 0)
    assert future.result() is None
    assert future.succeeded()


@pytest.mark.parametrize("item", [(1, 2), {"a": 1}, [], None, "text", b"", {1, 2}])
def test_an_item_is_one_argument_whatever_it_is(pwex: Executor, item: Any) -> None:
    assert pwex.call_async(lambda it: (type(it).__name__, it), item).result() == (
        type(item).__name__,
        item,
    )


def test_rows_of_an_array_are_items(pwex: Executor) -> None:
    rows = np.arange(12.0).reshape(4, 3)
    assert pywren.get_all_results(pwex.map(np.sum, rows)) == [3.0, 12.0, 21.0, 30.0]


def test_a_generator_is_read_once(pwex: Executor) -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in range(30):
            read.append(item)
            yield item

    assert pywren.get_all_results(pwex.map(lambda item: item + 1, items())) == list(range(1, 31))
    assert read == list(range(30))


def test_nothing_gives_nothing(pwex: Executor) -> None:
    assert pwex.map(abs, []) == []
    assert pwex.map(abs, iter(())) == []
    assert pywren.get_all_results([]) == []
    assert pywren.wait([]) == ([], [])


def test_an_item_that_cannot_be_read_stops_what_was_sent(pwex: Executor, tmp_path: Path) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise LookupError("no more")

    with pytest.raises(LookupError):
        pwex.map(lambda _: None, items())
    with pytest.raises(errors.SerializationError, match="item 1 of the data"):
        pwex.map(lambda _: None, [0, (i for i in "a")])
    assert pwex.call_async(abs, -1).result() == 1


def test_the_limit_holds_before_anything_is_sent() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            read.append(item)
            yield item

    with pywren.local_executor({"scheduler": {"map_item_limit": 3}}, workers=1) as pwex:
        for data in (range(4), [1] * 4, items()):
            with pytest.raises(ValueError, match="map_item_limit allows 3"):
                pwex.map(abs, data)
        assert read == [0, 1, 2, 3]
        assert pywren.get_all_results(pwex.map(abs, iter([-1, 2, -3]))) == [1, 2, 3]


def test_map_returns_while_calls_run(pwex: Executor, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    def wait_for_gate(_: int) -> bool:
        import time

        while not gate.exists():
            time.sleep(0.01)
        return True

    futures = pwex.map(wait_for_gate, range(50))
    assert not any(future.done() for future in futures)
    gate.touch()
    assert all(pywren.get_all_results(futures))


def test_large_inputs_are_mapped_and_each_call_may_write_to_its_own(pwex: Executor) -> None:
    array = np.zeros(1_000_000)

    def write(it: np.ndarray[Any, Any]) -> tuple[float, bool]:
        before = float(it.sum())
        it += 1
        mapped = "/inputs/" in Path("/proc/self/maps").read_text()
        return before, mapped

    assert pywren.get_all_results(pwex.map(write, [array] * 4)) == [(0.0, True)] * 4
    assert not array.any()
    assert not inputs(pwex)


def test_a_large_captured_array_is_stored_once_and_mapped(pwex: Executor) -> None:
    array = np.ones(2_000_000)

    def total(_: int) -> tuple[float, bool]:
        mapped = "/functions/" in Path("/proc/self/maps").read_text()
        return float(array.sum()), mapped

    assert pywren.get_all_results(pwex.map(total, range(8))) == [(2e6, True)] * 8
    spool = Path(pwex.backend.owner_path).parent  # type: ignore[attr-defined]
    assert len(list(spool.glob("functions/*"))) == 1


def test_inputs_of_cancelled_calls_are_removed(pwex: Executor) -> None:
    def endless(_: object) -> None:
        import time

        time.sleep(600)

    futures = pwex.map(endless, [np.zeros(100_000)] * 5)
    assert len(inputs(pwex)) == 5
    for future in futures:
        assert future.cancel()
    assert not inputs(pwex)


def test_a_large_result_leaves_its_file_when_it_is_read(pwex: Executor) -> None:
    future = pwex.call_async(np.arange, 500_000)
    pywren.wait([future])
    assert len(outputs(pwex)) == 1
    result = future.result()
    assert result.sum() == sum(range(500_000))
    result += 1  # as the original, it can be written to
    assert not outputs(pwex)


def test_a_large_result_that_nobody_will_read_goes_with_its_future(pwex: Executor) -> None:
    futures = pwex.map(bytes, [300_000] * 3)
    pywren.wait(futures)
    assert len(outputs(pwex)) == 3
    del futures[1:]
    assert len(outputs(pwex)) == 1
    assert len(futures[0].result()) == 300_000


def test_large_results_can_be_read_after_shutdown() -> None:
    with pywren.local_executor(workers=2) as pwex:
        futures = pwex.map(bytes, [300_000] * 3)
    assert [len(future.result()) for future in futures] == [300_000] * 3
    assert not outputs(pwex)


def test_a_fork_that_reads_a_result_leaves_it_to_its_parent(pwex: Executor) -> None:
    import os

    future = pwex.call_async(bytes, 300_000)
    pywren.wait([future])
    child = os.fork()
    if not child:
        os._exit(0 if len(future.result()) == 300_000 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(future.result()) == 300_000


def test_half_a_result_does_not_stay_on_disk(company: Company) -> None:
    class Slow:
        def __reduce__(self) -> Any:
            import time

            time.sleep(600)
            return (int, ())

    with pytest.raises(TimeoutError):
        company.call(lambda: [bytes(1_000_000), Slow()], timeout=0.4).result()
    assert not outputs(company.executor)


# -- what cannot travel ---------------------------------------------------------------------------


def test_an_unpicklable_result_is_named_by_its_path(company: Company) -> None:
    def locked() -> dict[str, Any]:
        import threading

        return {"inner": {"lock": threading.Lock()}}

    future = company.call(locked)
    with pytest.raises(errors.SerializationError, match="lock") as caught:
        future.result()
    assert "'inner'" in str(caught.value)
    assert future.run_status["outcome"] == "unserializable"


@pytest.mark.parametrize("raised", ["SystemExit", "KeyboardInterrupt", "OSError"])
def test_a_result_whose_pickling_raises_anything_ends_its_call_alone(
    company: Company, raised: str
) -> None:
    class Odd:
        def __reduce__(self) -> Any:
            import builtins

            raise getattr(builtins, raised)("in __reduce__")

    with pytest.raises(errors.SerializationError, match=raised):
        company.call(Odd).result()


def test_a_generator_as_result_is_told_to_be_one(company: Company) -> None:
    with pytest.raises(errors.SerializationError, match="generator"):
        company.call(lambda: (n for n in range(3))).result()


def test_a_result_that_cannot_be_loaded_here_fails_alone(company: Company) -> None:
    def foreign() -> object:
        import sys
        import types

        module = sys.modules["only_there"] = types.ModuleType("only_there")
        exec("class Thing: pass", module.__dict__)
        return module.Thing()

    future = company.call(foreign)
    with pytest.raises(errors.SerializationError, match="only_there"):
        future.result()
    assert b"only_there" in future.outcome.output  # the bytes are kept


def test_a_large_result_that_cannot_be_loaded_here_is_kept(pwex: Executor) -> None:
    def foreign(_: object) -> object:
        import sys
        import types

        module = sys.modules["only_there"] = types.ModuleType("only_there")
        exec("class Thing: pass", module.__dict__)
        return [bytes(300_000), module.Thing()]

    future = pwex.call_async(foreign, 0)
    with pytest.raises(errors.SerializationError, match="only_there"):
        future.result()
    assert len(outputs(pwex)) == 1


def test_a_function_that_cannot_be_loaded_there_says_why(pwex: Executor) -> None:
    class Odd:
        def __reduce__(self) -> Any:
            return (_fail_to_load, ())

    odd = Odd()
    with pytest.raises(errors.SerializationError, match="ValueError: not today"):
        pwex.call_async(lambda _: odd, 0).result()
    with pytest.raises(errors.SerializationError, match="ValueError: not today"):
        pwex.call_async(lambda item: item, odd).result()


def _fail_to_load() -> None:
    raise ValueError("not today")


# -- exceptions -----------------------------------------------------------------------------------


def test_an_exception_comes_as_itself_with_the_function_and_its_line(company: Company) -> None:
    def fail() -> None:
        text = "a clue"
        raise LookupError(text, 7)

    with pytest.raises(LookupError) as caught:
        company.call(fail).result()
    assert caught.value.args == ("a clue", 7)
    text = "".join(traceback.format_exception(caught.value))
    assert "in fail" in text
    assert "raise LookupError(text, 7)" in text
    assert "test_results.py" in text
    assert "pywren/runner" not in str(caught.value.__cause__)


def test_chains_groups_and_notes_come_along(company: Company) -> None:
    def fail() -> None:
        try:
            try:
                raise KeyError("first")
            except KeyError:
                raise ValueError("second")  # noqa: B904 - the context is what is tested
        except ValueError as error:
            error.add_note("a note")
            raise ExceptionGroup("all", [error, OSError(2, "gone")]) from error

    with pytest.raises(ExceptionGroup) as caught:
        company.call(fail).result()
    group = caught.value
    assert [type(error) for error in group.exceptions] == [ValueError, FileNotFoundError]
    assert isinstance(group.__cause__, ValueError)
    assert isinstance(group.__cause__.__context__, KeyError)
    assert group.exceptions[0].__notes__ == ["a note"]
    assert "KeyError: 'first'" in "".join(traceback.format_exception(group))


class Picky(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Locked(Exception):
    def __reduce__(self) -> Any:
        raise TypeError("never")


class Rude(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Locked, "Locked"),
        (lambda: ValueError(i for i in "abc"), "ValueError: <generator"),
        (lambda: KeyboardInterrupt("stop"), "KeyboardInterrupt: stop"),
        (lambda: GeneratorExit("odd"), "GeneratorExit: odd"),
        (lambda: BaseException("base"), "BaseException: base"),
        (lambda: BaseExceptionGroup("g", [KeyboardInterrupt()]), "BaseExceptionGroup: g"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_exception_that_cannot_come_is_told_in_words(
    company: Company, make: Any, words: str
) -> None:
    def fail() -> None:
        raise make()

    with pytest.raises(errors.RemoteError) as caught:
        company.call(fail).result()
    assert words in str(caught.value)
    assert caught.value.__cause__ is not None  # the traceback, as text


def test_an_exception_whose_constructor_wants_more_comes_as_itself(company: Company) -> None:
    def fail() -> None:
        raise Picky(1, 2)

    with pytest.raises(Picky, match="1 and 2"):
        company.call(fail).result()


@pytest.mark.parametrize("kind", [Mute, Rude])
def test_an_exception_without_words_comes_all_the_same(
    company: Company, kind: type[Exception]
) -> None:
    def fail() -> None:
        raise kind(3)

    future = company.call(fail)
    assert type(future.exception()) is kind
    assert future.exception().args == (3,)
    assert "raised" in future.run_status["exception"]


def test_endless_recursion_is_an_exception(company: Company) -> None:
    def fail(depth: int = 0) -> int:
        return fail(depth + 1)

    with pytest.raises(RecursionError) as caught:
        company.call(fail).result()
    assert "in fail" in "".join(traceback.format_exception(caught.value))


def test_a_result_nested_too_deeply_is_an_error_of_its_own(company: Company) -> None:
    def nest() -> list[Any]:
        result: list[Any] = []
        for _ in range(100_000):
            result = [result]
        return result

    with pytest.raises(errors.SerializationError, match="recursion"):
        company.call(nest).result()


def test_throw_except_gives_none_for_what_failed(pwex: Executor) -> None:
    good, bad = pwex.map(lambda item: 1 // item, [1, 0])
    assert good.result(throw_except=False) == 1
    assert bad.result(throw_except=False) is None
    assert isinstance(bad.exception(), ZeroDivisionError)
    assert bad.errored()


def test_raising_a_result_again_does_not_grow_its_traceback(pwex: Executor) -> None:
    future = pwex.call_async(lambda item: 1 // item, 0)
    lengths = []
    for _ in range(3):
        with pytest.raises(ZeroDivisionError) as caught:
            future.result()
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert len(set(lengths)) == 1
