"""PyWren: an ordinary Python function over much data, on cores that nobody had to set up.

>>> import pywren
>>> with pywren.local_executor(workers=2) as pwex:
...     futures = pwex.map(abs, [-1, 2, -3])
...     pywren.get_all_results(futures)
[1, 2, 3]
"""

from __future__ import annotations

from pywren.__about__ import __version__
from pywren._late import late_names

TYPE_CHECKING = False  # what `typing` says too, without the time to import it

if TYPE_CHECKING:
    from pywren.adapter import PywrenPoolExecutor
    from pywren.executor import Executor
    from pywren.factories import (
        default_executor,
        lambda_executor,
        local_executor,
        remote_executor,
        standalone_executor,
    )
    from pywren.futures import (
        ALL_COMPLETED,
        ALWAYS,
        ANY_COMPLETED,
        ResponseFuture,
        as_completed,
        get_all_results,
        wait,
    )
    from pywren.serialization.explain import Explanation, explain

__all__ = [
    "ALL_COMPLETED",
    "ALWAYS",
    "ANY_COMPLETED",
    "Executor",
    "Explanation",
    "PywrenPoolExecutor",
    "ResponseFuture",
    "__version__",
    "as_completed",
    "default_executor",
    "explain",
    "get_all_results",
    "lambda_executor",
    "local_executor",
    "remote_executor",
    "standalone_executor",
    "wait",
]

# Workers import this package too, and need little of it: names are imported when first used.
_HOMES = {
    "ALL_COMPLETED": "pywren.futures",
    "ALWAYS": "pywren.futures",
    "ANY_COMPLETED": "pywren.futures",
    "Executor": "pywren.executor",
    "Explanation": "pywren.serialization.explain",
    "PywrenPoolExecutor": "pywren.adapter",
    "ResponseFuture": "pywren.futures",
    "as_completed": "pywren.futures",
    "default_executor": "pywren.factories",
    "explain": "pywren.serialization.explain",
    "get_all_results": "pywren.futures",
    "lambda_executor": "pywren.factories",
    "local_executor": "pywren.factories",
    "remote_executor": "pywren.factories",
    "standalone_executor": "pywren.factories",
    "wait": "pywren.futures",
}


__getattr__ = late_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
