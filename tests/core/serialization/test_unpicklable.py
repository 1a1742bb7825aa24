"""What cannot be pickled is named by the path that leads to it."""

from __future__ import annotations

import collections
import copyreg
import functools
import pickle
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import cloudpickle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywren.serialization.pickling import dump, load
from pywren.serialization.unpicklable import explain_failure

LOCK = threading.Lock()


@pytest.fixture(autouse=True)
def plain_exceptions() -> Iterator[None]:
    """Exceptions are pickled as Python does: dask, which other tests import, teaches it another
    way, by which more of them load again."""
    taught = {
        kind: reducer
        for kind, reducer in copyreg.dispatch_table.items()
        if isinstance(kind, type) and issubclass(kind, BaseException)
    }
    for kind in taught:
        del copyreg.dispatch_table[kind]
    yield
    copyreg.dispatch_table.update(taught)


class Database:
    def __init__(self) -> None:
        self.name = "db"
        self.conn = sqlite3.connect(":memory:")


class Slotted:
    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = LOCK


class WithState:
    def __init__(self) -> None:
        self.lock = LOCK
        self.other = [LOCK]

    def __getstate__(self) -> dict[str, Any]:
        return {"other": self.other}


class Reduced:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Reduced, (1, LOCK))


class Methodical:
    def __init__(self) -> None:
        self.lock = LOCK

    def method(self) -> None:
        """Bound to an object that holds a lock."""


class Failure(Exception):
    def __init__(self, first: object, second: object) -> None:
        super().__init__("failed")
        self.first = first
        self.second = second


class Raising:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce_ex__(self, protocol: object) -> Any:
        raise self.error


class NoRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Hostile:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = object.__hash__


def test_the_promised_form() -> None:
    db = Database()
    try:
        assert (
            explain_failure(lambda x: db.conn.execute(x).fetchall())
            == "closure variable 'db' -> attribute 'conn': sqlite3.Connection"
        )
    finally:
        db.conn.close()


def by_value(source: str, **names: object) -> Any:
    namespace: dict[str, Any] = {"__name__": "__main__", **names}
    exec(source, namespace)
    return namespace["f"]


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        (by_value("def f(): return lock", lock=LOCK), "global 'lock'"),
        (by_value("def f():\n  def g(): return lock\n  return g", lock=LOCK), "global 'lock'"),
        (by_value("def f(a, b=lock): pass", lock=LOCK), "default of 'b'"),
        (by_value("def f(*, b=lock): pass", lock=LOCK), "default of 'b'"),
        (by_value("def f(): return g()", g=lambda: LOCK), "global 'g' -> global 'LOCK'"),
        (Methodical().method, "the method's object -> attribute 'lock'"),
        (functools.partial(print, 1, LOCK), "argument 1"),
        (functools.partial(print, end=LOCK), "keyword 'end'"),
        (functools.partial(functools.partial(print, [LOCK])), "argument 0 -> item 0"),
        (Slotted(), "attribute 'held'"),
        (WithState(), "attribute 'other' -> item 0"),
        (Reduced(), "argument 1"),
        ({"a": {"b": (1, [2, LOCK])}}, "key 'a' -> key 'b' -> item 1 -> item 1"),
        ({LOCK: 1}, "key of type lock"),
        ({1, frozenset([LOCK])}, "a member of the set -> a member of the set"),
        (collections.deque([1, LOCK]), "item 1"),
        (collections.OrderedDict(a=LOCK), "key 'a'"),
        (collections.defaultdict(list, a=LOCK), "key 'a'"),
        (ValueError("x", LOCK), "argument 1"),
        (Failure(1, LOCK), "attribute 'second'"),
        ([*range(50_000), LOCK, *range(50_000)], "item 50000"),
    ],
)
def test_each_way_to_hold_a_thing_has_its_words(obj: object, path: str) -> None:
    assert explain_failure(obj) == f"{path}: _thread.lock"


def test_the_object_itself_is_called_by_the_given_name() -> None:
    assert explain_failure(LOCK, root="input 3") == "input 3: _thread.lock"
    assert explain_failure(n for n in ()) == "result: generator"


def test_what_can_be_pickled_is_not_explained() -> None:
    assert explain_failure({"a": [1, len, Database]}) is None


def test_a_cycle_does_not_trap_the_search() -> None:
    one, two = Methodical.__new__(Methodical), Methodical.__new__(Methodical)
    one.__dict__ = {"child": two, "lock": LOCK}
    two.__dict__ = {"parent": one, "siblings": [one, two]}
    assert explain_failure(two) == "attribute 'parent' -> attribute 'lock': _thread.lock"


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(1), GeneratorExit(), RecursionError()]
)
def test_an_object_that_raises_anything_is_named(error: BaseException) -> None:
    assert str(explain_failure(["a", Raising(error)])).startswith("item 1: ")
    assert str(explain_failure(["a", Raising(error)])).endswith("Raising")
    assert str(explain_failure(["a", Hostile()])).endswith("Hostile")


def test_an_interrupt_is_not_held_back() -> None:
    with pytest.raises(KeyboardInterrupt):
        explain_failure([Raising(KeyboardInterrupt())])


def test_a_key_with_a_hostile_repr_does_not_hide_the_culprit() -> None:
    assert str(explain_failure([{NoRepr(): 1}, {NoRepr(): LOCK}])).endswith(": _thread.lock")


def test_what_pickles_but_does_not_load_is_found_when_asked_for() -> None:
    obj = {"e": Failure(1, 2)}
    assert explain_failure(obj) is None
    assert str(explain_failure(obj, loads=True)).startswith("key 'e': ")


def test_nesting_too_deep_is_told_as_such() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises((RecursionError, pickle.PicklingError)) as caught:
        cloudpickle.dumps(deep)
    assert "nested deeper" in str(explain_failure(deep, caught.value))


def test_the_search_ends_in_time() -> None:
    moments = iter(range(1_000_000))
    wide = [[[LOCK] for _ in range(100)] for _ in range(100)]
    found = explain_failure(wide, seconds=5, clock=lambda: next(moments))
    assert found is not None
    began = time.monotonic()
    explain_failure([Methodical() for _ in range(20_000)])
    assert time.monotonic() - began < 10


nested = st.recursive(
    st.integers() | st.text() | st.just(None),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(nested, st.data())
def test_the_path_leads_to_the_only_culprit(obj: Any, data: st.DataObject) -> None:
    path = plant(obj, data)
    assert explain_failure(path[1], root="it") == f"{' -> '.join(path[0]) or 'it'}: _thread.lock"


def plant(obj: Any, data: st.DataObject) -> tuple[list[str], Any]:
    """`obj` with a lock in place of one of its parts, and the path that leads there."""
    keys = (
        list(obj)
        if isinstance(obj, dict)
        else list(range(len(obj)))
        if isinstance(obj, list)
        else []
    )
    if not keys or data.draw(st.booleans()):
        return [], LOCK
    key = data.draw(st.sampled_from(keys))
    path, part = plant(obj[key], data)
    label = f"key {key!r}" if isinstance(obj, dict) else f"item {key}"
    changed = obj.copy()
    changed[key] = part
    return [label, *path], changed


def test_a_part_that_fails_only_because_of_its_owner_is_not_blamed() -> None:
    owner, child = Methodical.__new__(Methodical), Methodical.__new__(Methodical)
    owner.__dict__ = {"child": child, "lock": LOCK}
    child.__dict__ = {"parent": owner}
    assert explain_failure(owner) == "attribute 'lock': _thread.lock"


def test_what_cannot_be_loaded_is_told_with_what_was_being_rebuilt() -> None:
    from fractions import Fraction

    class Picky:
        def __reduce__(self) -> Any:
            return Fraction, ("no number",)

    with pytest.raises(ValueError, match="no number") as caught:
        load(dump({"a": [Picky()]}))
    assert caught.value.__notes__ == ["while fractions.Fraction was being rebuilt"]
