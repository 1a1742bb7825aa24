"""PyWren's Lambda backend, which plugs into `pywren` under the name `lambda`."""

from __future__ import annotations

from pywren_lambda.__about__ import __version__
from pywren_lambda.backend import open_backend

__all__ = ["__version__", "open_backend"]
