"""Ctrl-C comes after the steps that belong together, not between them."""

from __future__ import annotations

import signal
import threading

import pytest

from pywren.runner._uninterrupted import Uninterrupted


def test_ctrl_c_comes_on_the_way_out() -> None:
    steps = []

    def work() -> None:
        with Uninterrupted():
            steps.append("first")
            signal.raise_signal(signal.SIGINT)
            steps.append("last")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["first", "last"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_steps_is_not_lost_to_it() -> None:
    with pytest.raises(LookupError), Uninterrupted():
        raise LookupError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_users_own_is_called_once() -> None:
    called = []
    before = signal.signal(signal.SIGINT, lambda number, _: called.append(number))
    try:
        with Uninterrupted():
            signal.raise_signal(signal.SIGINT)
            assert not called
        assert called == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_have_nothing_to_hold_back() -> None:
    ran = threading.Event()

    def work() -> None:
        with Uninterrupted():
            ran.set()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran.is_set()
