"""The machine and the versions that a table of figures belongs to."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from bench.peers import CARDS


def describe(workers: int, command: str) -> dict[str, str]:
    """Return the facts by name, in the order in which they are shown."""
    return {
        "Processor": _processor(),
        "Cores": str(os.cpu_count()),
        "Memory": _memory(),
        "System": _system(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Versions": _versions(),
        "Workers": str(workers),
        "Date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Load before": f"{os.getloadavg()[0]:.1f}",
        "Command": command,
    }


def _processor() -> str:
    """Return the model's name, on systems without /proc what Python knows of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0]} ({platform.machine()})" if models else platform.machine()


def _memory() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / 2**30:.1f} GiB"


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform()
    return f"{name}, {platform.system()} {platform.release()}"


def _versions() -> str:
    installed = {card.package: card.version for card in CARDS if card.package}
    return ", ".join(f"{name} {version or 'not installed'}" for name, version in installed.items())
