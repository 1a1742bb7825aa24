"""What is measured inside a running executor: each function is one scenario in one cell.

Every function takes an `Order` and returns its metrics by name, as `scenarios` lists them.
"""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import calls
from bench.memory import peak_of_tree, resident_bytes, tree_bytes
from bench.order import Answer, Metrics, Order
from bench.peers import Peer, start_peer
from bench.processes import adopt_orphans

ARRAY_BYTES = 50_000_000
_SETTLE_LIMIT = 60.0
_START_LIMIT = 60.0


def map_nothing(order: Order) -> Metrics:
    """Map a function that does nothing: seconds from submitting to having all results."""
    with _warm_peer(order) as peer:
        return _timed_map(peer, calls.nothing, order.calls)


def round_trip(order: Order) -> Metrics:
    """Make one call after another: the median time of one, in milliseconds."""
    times = []
    with _warm_peer(order) as peer:
        for item in range(order.calls):
            started_at = time.perf_counter()
            peer.one(calls.nothing, item)
            times.append(time.perf_counter() - started_at)
    return {"milliseconds": 1000 * statistics.median(times)}


def large_results(order: Order) -> Metrics:
    """Map a function whose results are 1 MB each."""
    with _warm_peer(order) as peer:
        return _timed_map(peer, calls.megabyte, order.calls)


def captured_array(order: Order) -> Metrics:
    """Map a function that captures 50 MB, twice: seconds of the first map and of the second."""
    with _warm_peer(order) as peer:
        peer.map(calls.load_numpy, range(2 * order.workers))
        function = _capturing(peer, calls.first_element)
        return {
            "first": _timed_map(peer, function, order.calls)["seconds"],
            "second": _timed_map(peer, function, order.calls)["seconds"],
        }


def captured_memory(order: Order) -> Metrics:
    """Map a function that captures 50 MB and reads all of it: the peak memory of all processes.

    `copies` is what the peak adds to the warm, empty executor, in copies of the array; the
    client's own array is one of them. `megabytes` is the whole.
    """
    adopt_orphans()
    with _warm_peer(order) as peer:
        peer.map(calls.load_numpy, range(2 * order.workers))
        calls.load_numpy(None)
        before = tree_bytes(os.getpid())
        with peak_of_tree(os.getpid()) as peak:
            peer.map(_capturing(peer, calls.total), range(order.calls))
    added = peak.size_bytes - before
    return {"copies": added / ARRAY_BYTES, "megabytes": peak.size_bytes / 1e6}


def outstanding_futures(order: Order) -> Metrics:
    """Submit calls while every worker is held: bytes that the client's memory grows by, each."""
    with tempfile.TemporaryDirectory() as folder, _warm_peer(order) as peer:
        held = _hold_workers(peer, folder, order.workers)
        gc.collect()
        before = resident_bytes()
        started_at = time.perf_counter()
        futures = peer.submit_all(calls.nothing, range(order.calls))
        seconds = time.perf_counter() - started_at
        grown = _settled_bytes() - before
        order.answer(Answer(metrics={"bytes": grown / order.calls, "seconds": seconds}))
        # Running the calls only to leave would take minutes; the launcher ends the workers.
        del held, futures
        os._exit(0)


@contextmanager
def _warm_peer(order: Order) -> Iterator[Peer]:
    """Start the peer, have every worker do something, and send the function once."""
    with start_peer(order.peer, order.workers) as peer:
        peer.map(calls.nap, range(2 * order.workers))
        peer.map(calls.nothing, range(2 * order.workers))
        yield peer


def _timed_map(peer: Peer, function: Any, count: int) -> Metrics:
    """Map over `range(count)`: seconds, and of them this process's on a processor.

    Wrong results are an error.
    """
    started_at, cpu_before = time.perf_counter(), time.process_time()
    results = peer.map(function, range(count))
    seconds, cpu = time.perf_counter() - started_at, time.process_time() - cpu_before
    if len(results) != count:
        raise RuntimeError(f"{count} calls gave {len(results)} results")
    return {"seconds": seconds, "client_cpu": cpu}


def _capturing(peer: Peer, function: Any) -> Any:
    """Return a function that carries a fresh 50 MB array, in the form that the peer takes best."""
    import numpy

    array = numpy.arange(ARRAY_BYTES // 8, dtype=float)
    return (calls.closure if peer.closures else calls.bound)(function, array)


def _hold_workers(peer: Peer, folder: str, workers: int) -> Any:
    """Occupy all workers; return the futures of the calls that do it."""
    (Path(folder) / "held").touch()
    held = peer.submit_all(calls.hold, [folder] * workers)
    give_up_at = time.monotonic() + _START_LIMIT
    while len(list(Path(folder).glob("worker-*"))) < workers:
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"not all of {workers} workers took a call in {_START_LIMIT:.0f} s")
        time.sleep(0.01)
    return held


def _settled_bytes() -> int:
    """Return this process's memory once it has stopped growing for a second."""
    largest = resident_bytes()
    grew_at = time.monotonic()
    give_up_at = grew_at + _SETTLE_LIMIT
    while time.monotonic() < min(grew_at + 1.0, give_up_at):
        time.sleep(0.05)
        size = resident_bytes()
        if size > 1.002 * largest:
            grew_at = time.monotonic()
        largest = max(largest, size)
    return largest
