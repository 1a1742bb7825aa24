"""PyWren's EC2 backend, which plugs into `pywren` under the name `standalone`."""

from __future__ import annotations

from pywren_standalone.__about__ import __version__
from pywren_standalone.backend import open_backend

__all__ = ["__version__", "open_backend"]
