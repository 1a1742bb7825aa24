"""The `pywren` command."""

from __future__ import annotations

from pywren_cli.__about__ import __version__
from pywren_cli.command import main

__all__ = ["__version__", "main"]
