"""Where the EC2 backend opens. This version only says that it cannot start calls yet."""

from __future__ import annotations

from typing import NoReturn

from pywren.errors import BackendError
from pywren_standalone.__about__ import __version__


def open_backend(*_args: object, **_options: object) -> NoReturn:
    """Refuse to open: this version of the package cannot start calls on EC2 yet.

    It takes whatever a backend is opened with, so that the caller meets this message and no other.

    Raises:
        BackendError: always, with what to use instead.

    >>> open_backend()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    pywren.errors.BackendError: the 'standalone' executor was asked for, but ...
    """
    raise BackendError(
        f"the 'standalone' executor was asked for, but pywren-standalone {__version__} cannot start calls "
        f"on EC2 yet; set PYWREN_EXECUTOR=local to run the calls on this computer"
    )
