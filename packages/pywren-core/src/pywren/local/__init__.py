"""The local backend: calls run in worker processes of this machine, with nothing set up."""

from __future__ import annotations

from pywren.local._backend import LocalBackend, open_backend

__all__ = ["LocalBackend", "open_backend"]
