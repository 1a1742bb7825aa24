from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_grid_search_finds_good_parameters(run_example: Run) -> None:
    ended = run_example("grid_search.py", "--data", "breast_cancer", "--folds", "2")
    table = re.findall(r"\d\.\d{3}(?= \()", ended.stdout)
    assert len(table) == 16
    best = re.search(r"Best: C=(\S+), gamma=(\S+), right in (\S+)%", ended.stdout)
    assert best is not None
    assert float(best[3]) == pytest.approx(100 * max(map(float, table)), abs=0.06)
    assert float(best[3]) > 95
    assert "32 models on breast_cancer" in ended.stdout
    assert "32/32" in ended.stderr, "the progress bar"


def test_the_image_study_writes_the_original_the_noisy_and_the_restored(
    run_example: Run, tmp_path: Path
) -> None:
    picture = tmp_path / "study.png"
    ended = run_example("image_study.py", "--repeats", "1", "--output", picture)
    assert "Best against grain: blur" in ended.stdout
    assert "Best against salt and pepper: median 3" in ended.stdout
    assert "20 calls on china.jpg, 6.6 MB" in ended.stdout
    with Image.open(picture) as sheet:
        assert sheet.size == (3 * 640, 2 * 427)


@pytest.mark.parametrize("name", ["grid_search.py", "image_study.py"])
def test_an_example_says_what_to_install(run_example: Run, name: str) -> None:
    ended = run_example(name, without="sklearn", code=1)
    assert ended.stderr.splitlines()[-1].endswith("pip install -r requirements.txt")
