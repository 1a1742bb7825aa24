"""What type checkers must make of the public names. Checked by mypy, never run."""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import assert_type

from pywren import errors


def caught_by_their_builtin_bases(timed_out: errors.CallTimedOut) -> TimeoutError:
    return timed_out


def a_cancelled_call_is_a_cancelled_future(cancelled: errors.CallCancelled) -> CancelledError:
    return cancelled


def a_config_error_is_a_value_error(error: errors.ConfigError) -> None:
    assert_type(str(error), str)
    value_error: ValueError = error
    raise value_error
