"""The local backend: calls run in worker processes of this machine, with nothing set up."""

from __future__ import annotations

from pywren._late import late_names

TYPE_CHECKING = False  # what `typing` says too, without the time to import it

if TYPE_CHECKING:
    from pywren.local._backend import LocalBackend, open_backend

__all__ = ["LocalBackend", "open_backend"]

# Late: the first worker is started before all that the backend needs is imported.
__getattr__ = late_names(__name__, dict.fromkeys(__all__, "pywren.local._backend"))
