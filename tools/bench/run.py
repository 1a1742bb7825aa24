"""Run the benchmark: `python tools/bench/run.py --help`."""

from __future__ import annotations

import sys
from pathlib import Path

# Started as a script, Python puts this folder on the path; the package `bench` lies in its parent.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.command_line import main  # noqa: E402 - needs the path set above

if __name__ == "__main__":
    sys.exit(main())
