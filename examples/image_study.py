"""Which filter takes which noise out of a photograph, and how strong should it be?

It shows arrays as captured data and as results: the function holds the photograph (6.6 MB), which
is stored once and mapped by all workers, not sent with each call. Each call spoils the photograph
with seeded noise, filters it, and tells how close that came to the original; the best filters are
then called once more for their pictures. The photographs come with scikit-learn:

    pip install -r requirements.txt
    python image_study.py
    python image_study.py --photo flower.jpg --repeats 5 --output study.png

Then it does the same work in this process alone, and tells how much faster PyWren was.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import pywren

try:
    import numpy as np
    from PIL import Image
    from scipy.ndimage import gaussian_filter, median_filter
    from sklearn.datasets import load_sample_image
except ImportError as error:
    raise SystemExit(f"{error}: pip install -r requirements.txt") from error

NOISES = ["grain", "salt and pepper"]
BLURS = [("blur", strength) for strength in (0.4, 0.6, 0.8, 1, 1.5, 2)]
MEDIANS = [("median", size) for size in (3, 5, 7)]
FILTERS = [("none", 0), *BLURS, *MEDIANS]


class Setting(NamedTuple):
    """One experiment: which noise, which filter, how strong (in pixels); and the noise's seed."""

    noise: str
    filter: str
    strength: float
    seed: int


def spoil(photo: np.ndarray, setting: Setting) -> np.ndarray:
    """The photograph with noise: a little everywhere, or black and white in some places."""
    random = np.random.default_rng(setting.seed)
    if setting.noise == "grain":
        return np.clip(photo + random.normal(0, 25, photo.shape), 0, 255)
    chance = random.random(photo.shape[:2])[..., None]
    return np.where(chance < 0.05, 0, np.where(chance > 0.95, 255, photo))


def restore(photo: np.ndarray, setting: Setting) -> np.ndarray:
    """Spoil the photograph and filter it. Runs on the workers."""
    spoilt = spoil(photo, setting)
    if setting.filter == "blur":
        return gaussian_filter(spoilt, (setting.strength, setting.strength, 0))
    if setting.filter == "median":
        return median_filter(spoilt, (int(setting.strength), int(setting.strength), 1))
    return spoilt


def quality(photo: np.ndarray, setting: Setting) -> float:
    """How close `restore` comes: peak signal-to-noise ratio in decibels, more is better."""
    return float(10 * np.log10(255**2 / np.mean((photo - restore(photo, setting)) ** 2)))


def average(settings: list[Setting], qualities: list[float]) -> dict[Setting, float]:
    """The mean over the seeds, by the setting with seed 0."""
    table: dict[Setting, list[float]] = {}
    for setting, value in zip(settings, qualities, strict=True):
        table.setdefault(setting._replace(seed=0), []).append(value)
    return {setting: mean(values) for setting, values in table.items()}


def print_table(table: dict[Setting, float]) -> None:
    print("\nPeak signal-to-noise ratio, decibels\n")
    print(f"{'filter':16}" + "".join(f"{noise:>18}" for noise in NOISES))
    for name, strength in FILTERS:
        row = [table[Setting(noise, name, strength, 0)] for noise in NOISES]
        print(f"{name:8}{strength or '':<8}" + "".join(f"{value:18.2f}" for value in row))


def best_for(noise: str, table: dict[Setting, float]) -> Setting:
    return max((it for it in table if it.noise == noise), key=table.__getitem__)


def save(path: Path, rows: list[list[np.ndarray]]) -> None:
    """Write pictures side by side, in rows."""
    sheet = np.vstack([np.hstack(row) for row in rows])
    Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", choices=["china.jpg", "flower.jpg"], default="china.jpg")
    parser.add_argument("--repeats", type=int, default=3, help="how many seeds of the noise")
    parser.add_argument("--output", type=Path, default=Path("image_study.png"))
    parser.add_argument("--workers", type=int, help="how many processes; by default one per core")
    options = parser.parse_args()
    photo = load_sample_image(options.photo).astype(float)
    seeds = range(options.repeats)
    settings = [Setting(noise, *it, seed) for noise in NOISES for it in FILTERS for seed in seeds]

    begin = time.perf_counter()
    with pywren.local_executor(workers=options.workers) as pwex:
        futures = pwex.map(partial(quality, photo), settings)
        qualities = pywren.get_all_results(futures, progress=True)
        parallel = time.perf_counter() - begin
        table = average(settings, qualities)
        best = [best_for(noise, table) for noise in NOISES]
        restored = pywren.get_all_results(pwex.map(partial(restore, photo), best))
    print_table(table)
    for setting in best:
        print(f"\nBest against {setting.noise}: {setting.filter} {setting.strength}", end="")
    save(options.output, [[photo, spoil(photo, s), r] for s, r in zip(best, restored, strict=True)])
    print(f"\n\nThe original, with noise, and restored by the best filter: {options.output}")

    begin = time.perf_counter()
    alone = [quality(photo, setting) for setting in settings]
    serial = time.perf_counter() - begin
    if not np.allclose(alone, qualities):
        raise SystemExit("one process finds other qualities: please report this")
    print(f"\n{len(settings)} calls on {options.photo}, {photo.nbytes / 1e6:.1f} MB")
    print(f"PyWren {parallel:.2f} s, one process {serial:.2f} s: {serial / parallel:.2f}x as fast")


if __name__ == "__main__":
    main()
