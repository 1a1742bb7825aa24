"""A cross-validated grid search: which parameters let a classifier read handwritten digits best.

It shows PyWren behind the standard library's interface: code that was written for a
`concurrent.futures` executor runs on PyWren unchanged, here with `PywrenPoolExecutor.submit` for
every fold of every combination, and `as_completed` over the futures. The data are the 1,797
handwritten digits, or the 569 tumours, that come with scikit-learn:

    pip install -r requirements.txt
    python grid_search.py
    python grid_search.py --data breast_cancer --folds 10

Then it does the same work in this process alone, and tells how much faster PyWren was.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import Executor, as_completed
from statistics import mean, stdev
from typing import NamedTuple

from tqdm import tqdm

import pywren

try:
    from sklearn import datasets
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
except ImportError as error:
    raise SystemExit(f"{error}: pip install -r requirements.txt") from error

COSTS = [0.1, 1.0, 10.0, 100.0]
GAMMAS = [0.0001, 0.001, 0.01, 0.1]
LOADERS = {"digits": datasets.load_digits, "breast_cancer": datasets.load_breast_cancer}


class Trial(NamedTuple):
    """One model to train and to test: the parameters, and which part of the data is held back."""

    cost: float
    gamma: float
    fold: int


def score(trial: Trial, data: str, folds: int) -> float:
    """Train on all folds but one; the share of right answers on that one. Runs on a worker."""
    x, y = LOADERS[data](return_X_y=True)
    splits = StratifiedKFold(folds, shuffle=True, random_state=0).split(x, y)
    train, test = list(splits)[trial.fold]
    model = make_pipeline(StandardScaler(), SVC(C=trial.cost, gamma=trial.gamma))
    return float(model.fit(x[train], y[train]).score(x[test], y[test]))


def search(pool: Executor, trials: list[Trial], data: str, folds: int) -> dict[Trial, float]:
    """The score of every trial. Any executor will do."""
    futures = {pool.submit(score, trial, data, folds): trial for trial in trials}
    scores = {}
    for future in tqdm(as_completed(futures), total=len(futures), unit="model"):
        scores[futures[future]] = future.result()  # raises what the trial raised, if it did
    return scores


def by_parameters(scores: dict[Trial, float]) -> dict[tuple[float, float], list[float]]:
    """The scores of all folds of each combination."""
    table: dict[tuple[float, float], list[float]] = {}
    for trial, value in sorted(scores.items()):
        table.setdefault((trial.cost, trial.gamma), []).append(value)
    return table


def print_table(table: dict[tuple[float, float], list[float]]) -> None:
    print("\nShare of right answers, mean of the folds (and standard deviation)\n")
    print("      cost" + "".join(f"{f'gamma {gamma:g}':>16}" for gamma in GAMMAS))
    for cost in COSTS:
        row = [table[cost, gamma] for gamma in GAMMAS]
        print(f"{cost:10g}" + "".join(f"   {mean(it):.3f} ({stdev(it):.3f})" for it in row))


def best_of(table: dict[tuple[float, float], list[float]]) -> tuple[float, float]:
    return max(table, key=lambda parameters: mean(table[parameters]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=LOADERS, default="digits")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--workers", type=int, help="how many processes; by default one per core")
    options = parser.parse_args()
    parameters = [(cost, gamma) for cost in COSTS for gamma in GAMMAS]
    trials = [Trial(*it, fold) for it in parameters for fold in range(options.folds)]

    begin = time.perf_counter()
    with pywren.local_executor(workers=options.workers) as pwex:
        scores = search(pywren.PywrenPoolExecutor(pwex), trials, options.data, options.folds)
    parallel = time.perf_counter() - begin
    table = by_parameters(scores)
    print_table(table)
    cost, gamma = best_of(table)
    print(f"\nBest: C={cost:g}, gamma={gamma:g}, right in {mean(table[cost, gamma]):.1%}")

    begin = time.perf_counter()
    alone = {trial: score(trial, options.data, options.folds) for trial in trials}
    serial = time.perf_counter() - begin
    if alone != scores:
        raise SystemExit("one process finds other scores: please report this")
    print(f"\n{len(trials)} models on {options.data}")
    print(f"PyWren {parallel:.2f} s, one process {serial:.2f} s: {serial / parallel:.2f}x as fast")


if __name__ == "__main__":
    main()
