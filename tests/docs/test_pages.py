from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.fences import fenced_blocks, name_of, pages

RUN_PAGE = Path(__file__).with_name("run_page.py")
SECONDS = 100


def run(page: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    directory.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-W", "error", RUN_PAGE, page],
        check=False,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def has_examples(page: Path) -> bool:
    return any(b.language in ("python", "pycon") for b in fenced_blocks(page.read_text()))


@pytest.mark.parametrize("page", [page for page in pages() if has_examples(page)], ids=name_of)
def test_the_examples_of_a_page_hold(page: Path, tmp_path: Path) -> None:
    ended = run(page, tmp_path / "somewhere")
    assert not ended.returncode, ended.stderr


def test_examples_that_cannot_run_here_are_few_and_say_why() -> None:
    blocks = [
        (name_of(page), block)
        for page in pages()
        for block in fenced_blocks(page.read_text())
        if block.title.startswith("Needs")
    ]
    assert [(page, block.title) for page, block in blocks] == []


BROKEN = {
    "an_exception": "```python\nx = 1\n\nraise KeyError('lost')\n```\n",
    "a_wrong_answer": "```pycon\n>>> 1 + 1\n3\n```\n",
    "another_error_message": (
        "```pycon\n>>> int('x')\nTraceback (most recent call last):\n    ...\n"
        "ValueError: what else\n```\n"
    ),
    "other_output": '```python\nprint(1)\n```\n\n```text title="Output"\n2\n```\n',
    "a_file_that_does_not_parse": (
        '```python title="broken.py"\ndef\n```\n\n```python\nimport broken\n```\n'
    ),
    "a_failed_call": (
        "```python\nimport pywren\n\nwith pywren.local_executor(workers=1) as pwex:\n"
        "    pwex.call_async(int, 'x').result()\n```\n"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_example_fails_its_page_and_names_the_line(name: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n```python\nprint('fine')\n```\n\n{BROKEN[name]}")
    ended = run(page, tmp_path / "somewhere")
    assert ended.returncode == 1
    line = [block.line for block in fenced_blocks(page.read_text())][-1]
    assert f"{page}:{line}: this example does not hold" in ended.stderr


def test_an_example_that_prints_what_it_says_passes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('```python\nprint("a", 1.25)\n```\n\n```text title="Output"\na ...\n```\n')
    ended = run(page, tmp_path / "somewhere")
    assert not ended.returncode, ended.stderr


def test_a_block_that_is_never_closed_is_found() -> None:
    with pytest.raises(ValueError, match="line 2 is never closed"):
        fenced_blocks("text\n```python\nx = 1\n")
