"""An explanation says what travels, why, and how large it is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

import pywren

if TYPE_CHECKING:
    from conftest import Project  # type: ignore[import-not-found]


def test_it_tells_what_ships_and_why(project: Project) -> None:
    project.put("pkg/__init__.py")
    project.put("pkg/a.py", "import json\nimport numpy\nimport other\ndef f(): import not_there")
    project.put("pkg/data/table.csv", "x" * 5000)
    project.put("other.py", "import excluded_one")
    project.put("excluded_one.py")
    script = """
        import pywren
        from pkg import a
        def job():
            return a
        print(pywren.explain(job, exclude_modules=["excluded_one", "pkg.unused"]))
    """
    lines = project.client(script).splitlines()
    assert lines[0].startswith("job: pickled ")
    assert lines[0].endswith("modules 5.1 kB")
    assert [line.split() for line in lines[1:-2]] == [
        ["ships"],
        ["pkg", "3", "files", "5.1", "kB", "global", "'a'", "of", "job"],
        ["other", "1", "files", "19", "B", "imported", "by", "pkg.a", "line", "3"],
        ["excluded"],
        ["excluded_one", "imported", "by", "other", "line", "1"],
        ["installed"],
        ["numpy", "numpy", np.__version__, "imported", "by", "pkg.a", "line", "2"],
        ["missing"],
        ["not_there", "not", "found", "here", "imported", "by", "pkg.a", "line", "4"],
    ]
    assert lines[-2:] == ["  part of Python", "    json"]


def test_it_tells_what_cannot_be_pickled_instead_of_raising() -> None:
    lock = threading.Lock()
    explanation = pywren.explain(lambda: lock)
    assert explanation.problem == "closure variable 'lock': _thread.lock"
    assert explanation.pickle_bytes is None
    assert "cannot be pickled: closure variable 'lock': _thread.lock" in str(explanation)


def test_it_tells_the_size_of_what_is_captured_largest_first() -> None:
    small, large = [1, 2, 3], np.zeros(10_000)
    explanation = pywren.explain(lambda: (small, large))
    assert [(each.where, each.type_name) for each in explanation.captured] == [
        ("closure variable 'large'", "ndarray"),
        ("closure variable 'small'", "list"),
    ]
    large_bytes, small_bytes = [each.size_bytes or 0 for each in explanation.captured]
    assert large_bytes > 80_000
    assert 0 < small_bytes < 100
    assert explanation.buffers_bytes == 80_000


def test_a_module_that_is_nowhere_is_told(project: Project) -> None:
    script = """
        import pywren
        def job():
            import not_there.at_all
        print(pywren.explain(job).missing)
    """
    assert "name='not_there', why='imported by job line" in project.client(script)


def test_a_builtin_needs_nothing() -> None:
    explanation = pywren.explain(len)
    assert explanation.ships == explanation.installed == explanation.captured == ()
