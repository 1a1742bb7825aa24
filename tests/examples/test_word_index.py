from __future__ import annotations

import gzip
import re
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_it_finds_the_documents_that_hold_the_words(run_example: Run, tmp_path: Path) -> None:
    (tmp_path / "whale.txt").write_text("The whale. A white whale, and the sea.")
    (tmp_path / "ship.md").write_text("A ship on the sea, with a captain.")
    (tmp_path / "land.rst.gz").write_bytes(gzip.compress(b"Trees and fields far from the sea."))
    (tmp_path / "code.py").write_text('"""A harpoon is thrown."""\nwhale = "not a text"\n')
    (tmp_path / "old.py").write_text("print 'a captain in Python 2'\n")
    (tmp_path / "picture.png").write_bytes(b"whale")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "left_out.txt").write_text("whale")

    ended = run_example(
        "word_index.py", "--query", "white whale", "--query", "harpoon", "--workers", "2", tmp_path
    )

    found = {
        query: re.findall(r"[\w.]+$", text, re.MULTILINE) for query, text in _answers(ended.stdout)
    }
    assert found == {"white whale": ["whale.txt"], "harpoon": ["code.py"]}
    assert "5 documents, 0.0 MB, 5 calls on 2 workers" in ended.stdout
    assert re.search(r"PyWren \d+\.\d\d s, one process \d+\.\d\d s: ", ended.stdout)
    assert "5/5" in ended.stderr, "the progress bar"


def test_the_library_of_python_is_a_corpus(run_example: Run) -> None:
    library = Path(sysconfig.get_path("stdlib"), "json")
    ended = run_example("word_index.py", "--query", "decoder document", library)
    assert "decoder.py" in ended.stdout
    assert re.search(r"[1-9]\d* documents", ended.stdout)


def test_a_folder_without_documents_is_said_to_be_one(run_example: Run, tmp_path: Path) -> None:
    ended = run_example("word_index.py", tmp_path, code=1)
    assert ended.stderr == "no documents (.md, .py, .rst, .txt) in these directories\n"


def _answers(output: str) -> list[tuple[str, str]]:
    """The queries of a report, and the lines below each."""
    return re.findall(r"^(\w[\w ]*):\n((?:  .*\n)*)", output.split("tell most:")[1], re.MULTILINE)
