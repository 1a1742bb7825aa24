"""What is measured from outside: whole Python processes, from their start.

Each process is a `python -c`, as a user would type it; the first one of a kind is not counted,
it writes the bytecode files and fills the page cache for all later ones.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from textwrap import dedent

from bench.order import Metrics, Order
from bench.peers import NotOffered

_ADD_ONE = "def f(x): return x + 1\n"

# The first result of each peer. All send a function of `__main__` except the spawned pool, whose
# workers can't see one: it sends one of the standard library's.
FIRST_RESULT = {
    "pywren": _ADD_ONE
    + dedent("""\
        import pywren
        with pywren.local_executor(workers={workers}) as ex:
            print(ex.call_async(f, 1).result(), flush=True)
        """),
    "processpool": _ADD_ONE
    + dedent("""\
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor({workers}, mp_context=fork) as ex:
            print(ex.submit(f, 1).result(), flush=True)
        """),
    "processpool-spawn": dedent("""\
        import multiprocessing, operator
        from concurrent.futures import ProcessPoolExecutor
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor({workers}, mp_context=spawn) as ex:
            print(ex.submit(operator.index, 2).result(), flush=True)
        """),
    "loky": _ADD_ONE
    + dedent("""\
        import loky
        with loky.get_reusable_executor({workers}) as ex:
            print(ex.submit(f, 1).result(), flush=True)
        """),
    "joblib": _ADD_ONE
    + dedent("""\
        from joblib import Parallel, delayed
        print(Parallel(n_jobs={workers})([delayed(f)(1)])[0], flush=True)
        """),
    "dask": _ADD_ONE
    + dedent("""\
        from distributed import Client, LocalCluster
        options = dict(threads_per_worker=1, dashboard_address=None)
        with LocalCluster(n_workers={workers}, **options) as cluster, Client(cluster) as client:
            print(client.submit(f, 1).result(), flush=True)
        """),
    "lithops": _ADD_ONE
    + dedent("""\
        import lithops
        config = dict(lithops=dict(backend="localhost", storage="localhost", telemetry=False),
                      localhost=dict(version=2, worker_processes={workers}))
        ex = lithops.FunctionExecutor(config=config)
        print(ex.get_result(ex.call_async(f, (1,)), show_progressbar=False), flush=True)
        """),
}
FIRST_RESULT["lithops-v1"] = FIRST_RESULT["lithops"].replace("version=2", "version=1")

IMPORT = {
    "pywren": "import pywren",
    "processpool": "import concurrent.futures.process",
    "loky": "import loky",
    "joblib": "import joblib",
    "dask": "import distributed",
    "lithops": "import lithops",
}
_LIST_HEAVY = "\nimport sys; print(sum(name in sys.modules for name in ('boto3', 'click')))"


@dataclass(frozen=True)
class _Run:
    """One process: seconds until its first line and until its end, and that line.

    `cpu` are the seconds on a processor, its workers' included where it collected them.
    """

    first_line: float
    end: float
    cpu: float
    line: str


def first_result(order: Order) -> Metrics:
    """Start Python, the peer and its workers: milliseconds to the first result, and to the end."""
    program = _program(FIRST_RESULT, order.peer).replace("{workers}", str(order.workers))
    _run(program)
    runs = [_run(program) for _ in range(order.calls)]
    if any(run.line != "2" for run in runs):
        raise RuntimeError(f"expected the result 2, found {runs[0].line!r}")
    return {
        "milliseconds": 1000 * statistics.median(run.first_line for run in runs),
        "end": 1000 * statistics.median(run.end for run in runs),
        "cpu": 1000 * statistics.median(run.cpu for run in runs),
    }


def import_alone(order: Order) -> Metrics:
    """Import the peer: milliseconds more than Python alone takes, measured in turns."""
    program = _program(IMPORT, order.peer)
    heavy = int(_run(program + _LIST_HEAVY).line)
    pairs = [(_run(program), _run("pass")) for _ in range(order.calls)]
    with_import = statistics.median(run.end for run, _ in pairs)
    bare = statistics.median(run.end for _, run in pairs)
    return {
        "milliseconds": 1000 * (with_import - bare),
        "python": 1000 * bare,
        "heavy": float(heavy),
    }


def _program(programs: dict[str, str], peer: str) -> str:
    if peer not in programs:
        raise NotOffered("measured under another name of the same library")
    return programs[peer]


def _run(program: str) -> _Run:
    """Run `python -c program` and time it; its errors are passed on."""
    started_at, cpu_before = time.perf_counter(), _cpu_of_children()
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        first_line = time.perf_counter() - started_at
    if process.returncode:
        # Without a traceback of ours, the program's own error is the last thing in the log.
        sys.exit(process.returncode)
    end, cpu = time.perf_counter() - started_at, _cpu_of_children() - cpu_before
    return _Run(first_line, end, cpu, line)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
