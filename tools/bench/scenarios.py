"""What is measured, at which scale, and what PyWren promises: the benchmark as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench import cold, warm
from bench.order import Metrics, Order

REFERENCE = "processpool"

_WARM = ("pywren", "processpool", "loky", "joblib", "dask", "lithops-v1", "lithops")
_COLD = ("pywren", "processpool", "processpool-spawn", *_WARM[2:])
_IMPORTED = ("pywren", "processpool", "loky", "joblib", "dask", "lithops")


@dataclass(frozen=True)
class Target:
    """A limit for PyWren's value, or for its ratio to the peer `against`; `text` says it."""

    limit: float
    text: str
    against: str = ""


@dataclass(frozen=True)
class Metric:
    """One measured value: a column of the scenario's table.

    `per_call` marks times that grow with the number of calls: where peers ran different numbers,
    the ratio is that of the times per call. `compared` gives the metric a ratio column.
    """

    name: str
    title: str
    per_call: bool = False
    compared: bool = True
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """One thing to measure: `calls` at full scale, `quick` for a fast look.

    `fewer` are the calls of peers that would take many minutes at full scale. `counted` names what
    `calls` counts where it isn't calls. `turns` multiplies the rounds: many short cells in turns
    with the other peers' are fairer than few long ones when the machine is busy.
    """

    name: str
    title: str
    run: Callable[[Order], Metrics]
    calls: int
    quick: int
    metrics: tuple[Metric, ...]
    peers: tuple[str, ...] = _WARM
    fewer: dict[str, int] = field(default_factory=dict)
    counted: str = "calls"
    turns: int = 1

    def calls_of(self, peer: str, quick: bool = False, slow: bool = False) -> int:
        """Return how many calls `peer` makes; `slow` wants full scale of every peer.

        >>> scenario_named("noop-10000").calls_of("lithops")
        100
        >>> scenario_named("noop-10000").calls_of("lithops", slow=True)
        10000
        """
        full = self.quick if quick else self.calls
        return full if slow else min(full, self.fewer.get(peer, full))


# Hardly changes when others use the machine at the same time, as the wall time does.
_CLIENT_CPU = Metric("client_cpu", "CPU of the client, s", per_call=True)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "noop-10000",
        "10,000 calls that do nothing, submit to all results, warm executor",
        warm.map_nothing,
        calls=10_000,
        quick=1_000,
        fewer={"lithops": 100, "lithops-v1": 1_000},
        metrics=(
            Metric(
                "seconds",
                "time, s",
                per_call=True,
                targets=(
                    Target(0.5, "at most half of ProcessPoolExecutor's time", REFERENCE),
                    Target(0.25, "aim: a quarter of ProcessPoolExecutor's time", REFERENCE),
                ),
            ),
            _CLIENT_CPU,
        ),
    ),
    Scenario(
        "noop-1000",
        "1,000 calls that do nothing, submit to all results, warm executor",
        warm.map_nothing,
        calls=1_000,
        quick=100,
        fewer={"lithops": 100},
        metrics=(
            Metric(
                "seconds",
                "time, s",
                per_call=True,
                targets=(Target(0.01, "at least 100x faster than lithops as it comes", "lithops"),),
            ),
            _CLIENT_CPU,
        ),
    ),
    Scenario(
        "round-trip",
        "One call on a warm executor, median of many",
        warm.round_trip,
        calls=1_000,
        quick=50,
        fewer={"joblib": 100, "dask": 100, "lithops-v1": 10, "lithops": 10},
        metrics=(
            Metric(
                "milliseconds",
                "round trip, ms",
                targets=(Target(3, "at most 3x ProcessPoolExecutor's round trip", REFERENCE),),
            ),
        ),
    ),
    Scenario(
        "results-1mb",
        "200 calls that each return 1 MB",
        warm.large_results,
        calls=200,
        quick=20,
        fewer={"lithops": 50},
        metrics=(
            Metric(
                "seconds",
                "time, s",
                per_call=True,
                targets=(Target(1, "at most ProcessPoolExecutor's time", REFERENCE),),
            ),
            _CLIENT_CPU,
        ),
    ),
    Scenario(
        "capture-50mb",
        "100 calls of a function that captures a 50 MB array, mapped twice",
        warm.captured_array,
        calls=100,
        quick=10,
        fewer={"processpool": 20, "loky": 20},
        metrics=(
            Metric("first", "first map, s", per_call=True),
            Metric(
                "second",
                "second map, s",
                per_call=True,
                targets=(Target(0.1, "below 0.1 s after the first"),),
            ),
        ),
    ),
    Scenario(
        "capture-memory",
        "The same, reading the whole array: peak memory of all processes together",
        warm.captured_memory,
        calls=100,
        quick=10,
        fewer={"processpool": 20, "loky": 20},
        metrics=(
            Metric(
                "copies",
                "added, in copies of the array",
                targets=(Target(3, "below 3 copies of the array"),),
            ),
            Metric("megabytes", "in all, MB", compared=False),
        ),
    ),
    Scenario(
        "cold",
        "From the start of `python -c` to the first result, median of many",
        cold.first_result,
        calls=3,
        quick=2,
        fewer={"dask": 1, "lithops-v1": 1, "lithops": 1},
        peers=_COLD,
        counted="starts",
        turns=3,
        metrics=(
            Metric(
                "milliseconds",
                "to the first result, ms",
                targets=(
                    Target(2.5, "at most 2.5x ProcessPoolExecutor's, forked", REFERENCE),
                    Target(2.5, "at most 2.5x ProcessPoolExecutor's, spawned", "processpool-spawn"),
                ),
            ),
            Metric("end", "to the end of the process, ms"),
            Metric("cpu", "CPU of all processes, ms"),
        ),
    ),
    Scenario(
        "import",
        "Importing the library, median of many",
        cold.import_alone,
        calls=3,
        quick=2,
        peers=_IMPORTED,
        counted="starts",
        turns=3,
        metrics=(
            Metric(
                "milliseconds",
                "more than bare Python, ms",
                targets=(Target(100, "at most 100 ms more than bare Python"),),
            ),
            Metric("python", "bare Python, ms", compared=False),
            Metric(
                "heavy",
                "boto3 and click loaded",
                compared=False,
                targets=(Target(0, "loads neither boto3 nor click"),),
            ),
        ),
    ),
    Scenario(
        "futures-100000",
        "100,000 outstanding futures while all workers are held: growth of the client's memory",
        warm.outstanding_futures,
        calls=100_000,
        quick=10_000,
        counted="futures",
        fewer={"lithops-v1": 1_000, "lithops": 1_000},
        metrics=(
            Metric(
                "bytes",
                "bytes per future",
                targets=(Target(3_000, "at most 3 KB each in the client"),),
            ),
            Metric("seconds", "to submit, s", per_call=True),
        ),
    ),
)


def scenario_named(name: str) -> Scenario:
    """Return the scenario `name`; KeyError lists the names there are."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    raise KeyError(f"no scenario {name!r}; there are {', '.join(s.name for s in SCENARIOS)}")
