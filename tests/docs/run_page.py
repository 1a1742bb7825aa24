"""Run the examples of one Markdown page as one Python session: `python run_page.py PAGE`.

- `python` blocks are run, in order, as one script.
- `pycon` blocks are run as doctests in the same session.
- A block with the title `Output` states what the `python` block before it prints; `...` stands
  for anything.
- A block whose title is the name of a file is written to that file (`~` is the home directory).
- A block whose title begins with `Needs` shows something that cannot run here. It is not run.

The page ends at the first block that fails, with exit code 1 and `PAGE:LINE` in the message.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import sys
import traceback
import types
from pathlib import Path

from fences import Block, fenced_blocks

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class ExampleFailed(Exception):
    """An example of the page does not hold."""


class Session:
    """What runs as `__main__` while a page's examples run."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._main = types.ModuleType("__main__")
        self._printed = ""
        sys.modules["__main__"] = self._main

    def take(self, block: Block) -> None:
        """Do with a block what its language and title ask for."""
        if block.title.startswith("Needs"):
            return
        if block.title == "Output":
            self._compare(block)
        elif block.title:
            _write_file(block)
        elif block.language == "pycon":
            self._converse(block)
        elif block.language == "python":
            self._run(block)

    def _run(self, block: Block) -> None:
        # Functions of the page find their source in the page, at the right line.
        padded = "\n" * (block.line - 1) + block.code
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(padded, str(self._page), "exec"), self._main.__dict__)
        self._printed = printed.getvalue()

    def _converse(self, block: Block) -> None:
        # The name tells one block from another: doctest finds the source of functions by it.
        name = f"{self._page.name}:{block.line}"
        example = doctest.DocTestParser().get_doctest(
            block.code, {}, name, str(self._page), block.line - 1
        )
        example.globs = self._main.__dict__
        report = io.StringIO()
        failed = doctest.DocTestRunner(optionflags=FLAGS).run(
            example, out=report.write, clear_globs=False
        )
        if failed.failed:
            raise ExampleFailed(report.getvalue())

    def _compare(self, block: Block) -> None:
        if not doctest.OutputChecker().check_output(block.code, self._printed, FLAGS):
            raise ExampleFailed(f"expected:\n{block.code}\nprinted:\n{self._printed}")


def _write_file(block: Block) -> None:
    path = Path(block.title).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.code, encoding="utf-8")


def main(page: Path) -> int:
    """Run the page; the exit code."""
    sys.path[0] = os.getcwd()
    session = Session(page)
    for block in fenced_blocks(page.read_text(encoding="utf-8")):
        try:
            session.take(block)
        except Exception as error:  # noqa: BLE001 - an example may raise anything
            print(f"{page}:{block.line}: this example does not hold", file=sys.stderr)
            print(str(error) if isinstance(error, ExampleFailed) else "", file=sys.stderr)
            traceback.print_exc()
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
