"""Where the Lambda backend opens. This version only says that it cannot start calls yet."""

from __future__ import annotations

from typing import NoReturn

from pywren.errors import BackendError
from pywren_lambda.__about__ import __version__


def open_backend(*_args: object, **_options: object) -> NoReturn:
    """Refuse to open: this version of the package cannot start calls on Lambda yet.

    It takes whatever a backend is opened with, so that the caller meets this message and no other.

    Raises:
        BackendError: always, with what to use instead.

    >>> open_backend()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    pywren.errors.BackendError: the 'lambda' executor was asked for, but ...
    """
    raise BackendError(
        f"the 'lambda' executor was asked for, but pywren-lambda {__version__} cannot start calls "
        f"on Lambda yet; set PYWREN_EXECUTOR=local to run the calls on this computer"
    )
