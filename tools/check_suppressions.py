"""Check that every suppressed warning states its reason.

    x = pickle.loads(data)  # noqa: S301 - the digest was checked above
    y = untyped(x)  # type: ignore[misc]  # the stub forgets None

The reason may also be a comment of its own on the line above. A `noqa`, `type: ignore` or
`pragma` without a reason is reported and the exit code is 1. Tests are left alone, except those
of the types.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEARCHED = ["hatchw", "packages/*.py", "tools/*.py", "examples/*.py", "tests/typing/*.py"]
SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore|ruff:\s*noqa|mypy:\s*ignore|pragma:)")
CODES = r"[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*"
WITH_REASON = re.compile(
    rf"#\s*(?:(?:ruff:\s*)?noqa:\s*{CODES}|type:\s*ignore\[[a-z, -]+\]|mypy:\s*ignore[^#]*"
    r"|pragma: [a-z ]+?)\s*(?:#|-|--|:)\s*\S.{3,}"
)


def states_its_reason(comment: str) -> bool:
    """Tell whether a comment suppresses nothing, or says why it does.

    >>> states_its_reason("# noqa: S301 - the digest was checked above")
    True
    >>> states_its_reason("# type: ignore[misc]")
    False
    >>> states_its_reason("# type: ignore[misc]  # the stub forgets None")
    True
    >>> states_its_reason("# an ordinary comment")
    True
    """
    return not SUPPRESSION.search(comment) or bool(WITH_REASON.search(comment))


def silent_suppressions(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and text of each comment in `path` that suppresses without a reason."""
    explained = -1
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type != tokenize.COMMENT:
                continue
            line = token.start[0]
            if token.line.lstrip().startswith("#") and not SUPPRESSION.search(token.string):
                explained = line + 1
            elif line != explained and not states_its_reason(token.string):
                yield line, token.string


def main() -> int:
    """Report every silent suppression in the Python files that git knows or would add."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *SEARCHED]
    listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True)
    paths = [path for name in listed.stdout.splitlines() if (path := ROOT / name).exists()]
    found = [(path, *where) for path in paths for where in silent_suppressions(path)]
    for path, line, comment in found:
        print(f"{path.relative_to(ROOT)}:{line}: say why, after it or on the line above: {comment}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
