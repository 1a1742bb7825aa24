"""The object that users map functions with."""

from __future__ import annotations

from pywren.executor._executor import Executor

__all__ = ["Executor"]
