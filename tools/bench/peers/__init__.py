"""The libraries that are measured, behind one small protocol.

`CARDS` describes them without importing any; `start_peer` imports the adapter of one and starts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol


class NotOffered(RuntimeError):
    """The peer has no such feature: an answer of its own, not an error."""


class Peer(Protocol):
    """What the benchmark asks of a library.

    `closures` says whether the library can send a function that isn't importable by name.
    """

    closures: bool

    def start(self, workers: int) -> None:
        """Start `workers` worker processes; they may come up lazily."""

    def map(self, function: Callable[[Any], Any], data: Iterable[Any]) -> list[Any]:
        """Run the function over the data and return all results, in order."""

    def one(self, function: Callable[[Any], Any], item: Any) -> Any:
        """Make a single call and return its result."""

    def submit_all(self, function: Callable[[Any], Any], data: Iterable[Any]) -> Any:
        """Submit the calls and return what holds their futures, without waiting for any."""

    def close(self) -> None:
        """Stop the workers."""


@dataclass(frozen=True)
class Card:
    """One peer: `package` is its name on the index, "" for the standard library."""

    name: str
    title: str
    package: str
    adapter: str
    requirement: str = ""

    @property
    def version(self) -> str | None:
        """The installed version, `""` for the standard library, None when not installed."""
        if not self.package:
            return ""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None

    @property
    def how_to_install(self) -> str:
        """The command that brings this peer."""
        return f"pip install {self.requirement or self.package}"


CARDS: tuple[Card, ...] = (
    Card("pywren", "pywren", "pywren-core", "pywren_peer:PyWren"),
    Card("processpool", "ProcessPoolExecutor (fork)", "", "pool_peers:ForkPool"),
    Card("processpool-spawn", "ProcessPoolExecutor (spawn)", "", "pool_peers:SpawnPool"),
    Card("loky", "loky", "loky", "pool_peers:Loky"),
    Card("joblib", "joblib", "joblib", "joblib_peer:Joblib"),
    Card("dask", "dask LocalCluster", "distributed", "dask_peer:Dask", "'dask[distributed]'"),
    Card("lithops-v1", "lithops localhost, version 1", "lithops", "lithops_peer:LithopsV1"),
    Card("lithops", "lithops localhost, as it comes", "lithops", "lithops_peer:LithopsV2"),
)


def card_named(name: str) -> Card:
    """Return the card of the peer `name`; KeyError lists the names there are."""
    for card in CARDS:
        if card.name == name:
            return card
    raise KeyError(f"no peer {name!r}; there are {', '.join(card.name for card in CARDS)}")


@contextmanager
def start_peer(name: str, workers: int) -> Iterator[Peer]:
    """Import the adapter, start the peer with `workers` workers, and close it at the end."""
    module, _, kind = card_named(name).adapter.partition(":")
    peer: Peer = getattr(import_module(f"{__name__}.{module}"), kind)()
    peer.start(workers)
    try:
        yield peer
    finally:
        peer.close()
