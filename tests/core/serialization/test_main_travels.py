"""What a script defines in `__main__` travels with its calls, and its instances come back."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
import abc, dataclasses, enum, functools, json, typing
import pywren

T = typing.TypeVar("T")

class Below:
    def name(self): return "below"
class Above(Below):
    def name(self): return super().name() + ", above"

@dataclasses.dataclass(slots=True)
class Slotted:
    x: int = 1
@dataclasses.dataclass(slots=True, frozen=True)
class Frozen:
    x: int = 1
class ByHand:
    __slots__ = ("x",)
    def __init__(self): self.x = 3
class NoSlots:
    __slots__ = ()
class Half(NoSlots):
    __slots__ = "x"
    def __init__(self): self.x = 4

class Pair(typing.NamedTuple):
    a: int
    b: str = "b"
class Colour(enum.Enum):
    RED = 1
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
class Unit(Shape):
    def area(self): return 1
class Box(typing.Generic[T]):
    def __init__(self, held: T): self.held = held

class Late:
    @functools.cached_property
    def value(self): return 8
    other = functools.cached_property(lambda self: 9)
    @functools.cache
    def cached(self): return 10

power = functools.cache(functools.partial(pow, 2))

CASES = {
    "super": (lambda _: Above().name(), "below, above"),
    "slots": (lambda _: Slotted(3), Slotted(3)),
    "frozen": (lambda _: Frozen(3), Frozen(3)),
    "slots by hand": (lambda _: [ByHand().x, Half().x], [3, 4]),
    "named tuple": (lambda _: Pair(1), Pair(1)),
    "enum": (lambda _: Colour.RED, Colour.RED),
    "abstract": (lambda _: Unit().area(), 1),
    "generic": (lambda _: Box[int](4).held, 4),
    "cached property": (lambda _: [Late().value, Late().other, Late().cached()], [8, 9, 10]),
    "cached partial": (lambda _: power(5), 32),
}
GIVEN = {"slots": Slotted(5), "frozen": Frozen(5), "named tuple": Pair(5), "enum": Colour.RED}
BACK = {"slots by hand": ByHand, "below slots": Half}

def attempt(function, item):
    try:
        return pwex.call_async(function, item).result(timeout=60)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

with pywren.local_executor(workers=1) as pwex:
    wrong = {name: repr(got) for name, (function, wanted) in CASES.items()
             if (got := attempt(function, None)) != wanted}
    wrong |= {f"{name}, given": repr(got) for name, item in GIVEN.items()
              if (got := attempt(lambda it: it, item)) != item}
    wrong |= {f"{name}, back": repr(got) for name, kind in BACK.items()
              if type(got := attempt(lambda _, kind=kind: kind(), None)) is not kind}
print(json.dumps(wrong))
"""


@pytest.mark.parametrize("how", ["file", "-c", "-"])
def test_classes_and_functions_of_a_script_travel_both_ways(
    how: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    script = textwrap.dedent(SCRIPT)
    path = tmp_path_factory.mktemp("script") / "script.py"
    path.write_text(script)
    arguments = {"file": [str(path)], "-c": ["-c", script], "-": ["-"]}[how]
    ended = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        check=False,
        input=script if how == "-" else "",
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert not ended.returncode, ended.stderr
    assert json.loads(ended.stdout) == {}
