"""The fenced blocks of a Markdown page, and the pages that the project has."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

_OPENING = re.compile(r"(?P<indent> *)(?P<fence>`{3,})(?P<language>[\w+-]*)(?P<rest>[^`]*)")
_TITLE = re.compile(r'title="([^"]*)"')


class Block(NamedTuple):
    """A fenced block; `line` is the number of its first line of code in the page."""

    line: int
    language: str
    title: str
    code: str


def pages() -> list[Path]:
    """Every page that people read, by path."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/*.md")]
    return sorted(found)


def name_of(page: Path) -> str:
    """The page's path in the project."""
    return page.relative_to(ROOT).as_posix()


def fenced_blocks(text: str) -> list[Block]:
    """The blocks of a page, in order; those inside lists and notes too."""
    blocks: list[Block] = []
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        opening = _OPENING.fullmatch(line)
        if opening is None:
            continue
        code = []
        for _, inside in lines:
            if inside.strip() == opening["fence"]:
                break
            code.append(inside)
        else:
            raise ValueError(f"the block that opens in line {number} is never closed")
        title = _TITLE.search(opening["rest"])
        blocks.append(
            Block(
                number + 1,
                opening["language"],
                title[1] if title else "",
                textwrap.dedent("\n".join(code)) + "\n",
            )
        )
    return blocks


def prose(text: str) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^ *(`{3,}).*?^ *\1 *$", "", text, flags=re.MULTILINE | re.DOTALL)
