"""The future of one call.

It is a `concurrent.futures.Future`, so that everything that takes one takes it: the standard
library's `wait` and `as_completed`, `asyncio.wrap_future`, `await`. It differs in three ways that
thousands of calls ask for:

- All futures of a callset share one lock; each costs some hundred bytes.
- The outcome is unpickled by whoever first asks for the result, not by the thread that brought it.
- It can be pickled: elsewhere, the copy finds its outcome in the store.
"""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pywren.errors import CallCancelled, StorageError
from pywren.futures._endings import open_outcome
from pywren.futures._latch import Latch
from pywren.protocol import FileRef, Outcome, OutcomeKind

if TYPE_CHECKING:
    import logging
    from collections.abc import Generator, Mapping

    from pywren.futures._callset import Callset
    from pywren.protocol import CallSpec
    from pywren.store import Store

__all__ = ["ResponseFuture"]

# The names by which the standard library's waiters know the states of a future.
PENDING: Final = "PENDING"
CANCELLED_AND_NOTIFIED: Final = "CANCELLED_AND_NOTIFIED"
FINISHED: Final = "FINISHED"

T = TypeVar("T")


class ResponseFuture(Future[T]):
    """The result of one call, when it is there.

    `Executor.map` and its like return these. Built by hand from its four parts, it finds a call
    whose callset's outcomes are in a store.

    Args:
        call_id: which call of the callset, for instance `"00000"`.
        callset_id: which callset.
        invoke_metadata: what is known of how the call was sent; `signing_key` (hexadecimal) is
            needed to verify an outcome that is read from the store.
        storage_path: the URL of the store.

    >>> import pywren
    >>> with pywren.local_executor(workers=1) as pwex:
    ...     future = pwex.call_async(abs, -7)
    ...     future.result(timeout=30)
    7
    """

    call_id: str
    callset_id: str
    callset: Callset
    call: CallSpec | None
    _outcome: Outcome | None
    _loaded: bool
    _value: Any
    _error: BaseException | None
    _trace: Any

    def __init__(
        self,
        call_id: str,
        callset_id: str,
        invoke_metadata: Mapping[str, Any],
        storage_path: str,
    ) -> None:
        from pywren.futures._resuming import callset_in_store

        callset = callset_in_store(callset_id, invoke_metadata, storage_path)
        self._set_up(callset, call_id, None)
        if invoke_metadata.get("cancelled"):
            self.end_cancelled()
        else:
            callset.expect(self)

    @classmethod
    def of(cls, callset: Callset, call: CallSpec) -> ResponseFuture[Any]:
        """The future of a call that is about to be sent."""
        future: ResponseFuture[Any] = cls.__new__(cls)
        future._set_up(callset, call.call_id, call)
        return future

    def _set_up(self, callset: Callset, call_id: str, call: CallSpec | None) -> None:
        # What Future.__init__ sets, but for the lock, which the whole callset shares.
        self._condition = callset.condition
        self._state = PENDING
        self._result = None
        self._exception = None
        self._waiters: list[Any] = []
        self._done_callbacks: list[Any] = []
        self.call_id = call_id
        self.callset_id = callset.callset_id
        self.callset = callset
        self.call = call
        self._outcome = None
        self._loaded = False

    # -- what the user asks -----------------------------------------------------------------

    def result(
        self,
        timeout: float | None = None,
        check_only: bool = False,
        throw_except: bool = True,
        storage_handler: Store | None = None,
    ) -> T:
        """Return the value that the call returned, waiting for it if need be.

        Args:
            timeout: seconds to wait at most. None: until the call is over, which its own
                deadline sees to.
            check_only: return None at once if the call is not over.
            throw_except: raise what the call raised; if False, return None instead.
            storage_handler: a store to read a large output from, in place of the call's own.

        Raises:
            CancelledError: the call was cancelled.
            TimeoutError: it is not over after `timeout` seconds; it goes on.
            Exception: what the function raised, with the remote traceback; or a
                `pywren.errors.CallError` if the call could give no answer.
        """
        if check_only and not self.done():
            return None  # type: ignore[return-value]  # the guide's word for `not yet` and `failed`
        self._wait(timeout)
        if not throw_except and self._failed(storage_handler):
            return None  # type: ignore[return-value]  # the guide's word for `not yet` and `failed`
        if self._state == CANCELLED_AND_NOTIFIED:
            raise self._cancelled_error()
        self._load(storage_handler)
        if self._error is not None:
            try:
                raise self._error.with_traceback(self._trace)
            finally:
                self = None  # type: ignore[assignment]  # noqa: PLW0642 - break the cycle with the traceback
        value: T = self._value
        return value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return the exception that `result` would raise, or None; wait as it does.

        Raises `CancelledError` if the call was cancelled, `TimeoutError` after `timeout` seconds.
        """
        self._wait(timeout)
        if self._state == CANCELLED_AND_NOTIFIED:
            raise self._cancelled_error()
        self._load()
        return self._error

    def cancel(self, storage_handler: Store | None = None) -> bool:
        """Cancel the call, queued or running. True if it is cancelled, False if it was over.

        Unlike the standard library's, a running call is stopped: its worker process is killed.
        """
        if not self.end_cancelled():
            return self.cancelled()
        self.callset.cancel([self.call_id])
        return True

    def done(self) -> bool:
        """Is the call over: ended, failed or cancelled?"""
        return self._state != PENDING

    def running(self) -> bool:
        """Is the call running now, as far as this side can tell?"""
        return self._state == PENDING and self.callset.running(self.call_id)

    def succeeded(self) -> bool:
        """Is the call over, and did it return a value?"""
        return self._outcome is not None and self._outcome.kind is OutcomeKind.VALUE

    def errored(self) -> bool:
        """Is the call over, and did it end in anything but a value?"""
        return self.done() and not self.succeeded()

    @property
    def invoke_status(self) -> dict[str, Any]:
        """What this side knows of the call: ids, when and how it was sent, when it was known to
        be over. Times are seconds since 1970."""
        return self.callset.invoke_status(self.call_id)

    @property
    def run_status(self) -> dict[str, Any]:
        """What the worker tells of the call: timings (seconds), memory (bytes), output tails,
        itself. Empty until the call is over."""
        from pywren.futures._status import run_status

        return {} if self._outcome is None else run_status(self._outcome)

    @property
    def storage_path(self) -> str:
        """The URL of the store in which other processes find the outcome."""
        return self.callset.store_url

    @property
    def outcome(self) -> Outcome | None:
        """The outcome record, once the call is over."""
        return self._outcome

    @property
    def signing_key(self) -> bytes:
        """The key that verifies the outcome's record in the store."""
        return self.callset.signing_key

    def __await__(self) -> Generator[Any, None, T]:
        """Wait for the result in a coroutine, without blocking its event loop."""
        import asyncio

        return asyncio.wrap_future(self).__await__()

    def __reduce__(self) -> tuple[Any, ...]:
        """Everything that it takes to find the outcome from another process or machine."""
        metadata = self.callset.share(self)
        return ResponseFuture, (self.call_id, self.callset_id, metadata, self.storage_path)

    def __repr__(self) -> str:
        """Ids and state."""
        state = self._outcome.kind.name.lower() if self._outcome else self._state.lower()
        return f"<ResponseFuture {self.callset_id[:8]}/{self.call_id} {state}>"

    def _get_snapshot(self) -> tuple[bool, bool, Any, BaseException | None]:
        """What asyncio asks from Python 3.14 on: done, cancelled, result, exception."""
        if not self.done() or self.cancelled():
            return self.done(), self.cancelled(), None, None
        self._load()
        return True, False, self._value, self._error

    # -- what brings the outcome ------------------------------------------------------------

    def settle(self, outcome: Outcome) -> bool:
        """The call is over. False if that was known already: the first outcome stays."""
        if outcome.kind is OutcomeKind.CANCELLED:
            return self._end(CANCELLED_AND_NOTIFIED, outcome)
        if isinstance(outcome.output, FileRef):  # goes with the future if nobody loads it
            weakref.finalize(self, self.callset.remove, outcome.output).atexit = False
        return self._end(FINISHED, outcome)

    def shareable_outcome(self) -> Outcome:
        """The outcome with an output that is still there: a loaded one was let go."""
        import msgspec

        from pywren.serialization.pickling import dump_frame

        if self._outcome is None:
            raise AssertionError(f"{self!r} is not over")
        if self._loaded and isinstance(self._outcome.output, FileRef):
            held = self._value if self._error is None else self._error
            return msgspec.structs.replace(self._outcome, output=dump_frame(held, "the result"))
        return self._outcome

    def end_cancelled(self) -> bool:
        """The user wants it no more, whatever its call does. False if it was over."""
        return self._end(CANCELLED_AND_NOTIFIED, None)

    def _end(self, state: str, outcome: Outcome | None) -> bool:
        with self.callset.lock:
            if self._state != PENDING:
                return False
            self._outcome = outcome
            self.call = None
            self._state = state
            for waiter in self._waiters:
                self._notify(waiter)
        if self._done_callbacks:
            self._invoke_callbacks()
        return True

    def _invoke_callbacks(self) -> None:
        # Let go: they often hold futures, this one among them, and those hold files.
        callbacks, self._done_callbacks = self._done_callbacks, []
        for callback in callbacks:
            try:
                callback(self)
            except BaseException as error:
                # In the thread that brings outcomes even a SystemExit must not get further.
                import threading

                here = threading.current_thread() is threading.main_thread()
                if here and not isinstance(error, Exception):
                    raise
                _log().exception("a callback of %r failed", self)

    def _notify(self, waiter: Any) -> None:
        if self._state == CANCELLED_AND_NOTIFIED:
            waiter.add_cancelled(self)
        elif self.succeeded():
            waiter.add_result(self)
        else:
            waiter.add_exception(self)

    def _wait(self, timeout: float | None) -> None:
        if self._state != PENDING:
            return
        latch = Latch(1)
        if not self.hang(latch):
            return
        try:
            ended = latch.wait(timeout)
        except KeyboardInterrupt:
            self.cancel()
            raise
        finally:
            self.take_down(latch)
        if not ended:
            raise TimeoutError(f"{self!r} is not over after {timeout:g} s: it goes on")

    def hang(self, latch: Latch) -> bool:
        """Let the latch know when the call is over; False if it is."""
        with self.callset.lock:
            if self._state != PENDING:
                return False
            self._waiters.append(latch)
        return True

    def take_down(self, latch: Latch) -> None:
        """The latch is of interest no more."""
        with self.callset.lock:
            self._waiters.remove(latch)

    def preload(self) -> bool:
        """Load the result if the call returned one, so that `result` finds it loaded. True if
        there is nothing more to load; False if it is too early."""
        if not self.done():
            return False
        if self.succeeded():
            try:
                self._load()
            except StorageError:  # `result` will meet it again, and say so to who asks
                return True
        return True

    def _failed(self, store: Store | None) -> bool:
        if not self.succeeded():
            return True
        self._load(store)
        return self._error is not None

    def _load(self, store: Store | None = None) -> None:
        if self._loaded:
            return
        outcome = self._outcome
        if outcome is None:
            raise AssertionError(f"{self!r} ended without an outcome")
        value, error = open_outcome(outcome, lambda it: self.callset.read_output(it, store))
        with self.callset.lock:
            if self._loaded:
                return
            self._value, self._error = value, error
            self._trace = error.__traceback__ if error is not None else None
            self._loaded = True
        if error is None or outcome.kind is not OutcomeKind.VALUE:
            self.callset.loaded(self)

    def _cancelled_error(self) -> CallCancelled:
        return CallCancelled(f"call {self.call_id} of callset {self.callset_id[:8]} was cancelled")

    def add_done_callback(self, fn: Any) -> None:
        """Call `fn(self)` when the call is over, or at once if it is; in whichever thread."""
        super().add_done_callback(fn)

    def set_running_or_notify_cancel(self) -> bool:
        """Not for a call: its state is what its worker says."""
        raise TypeError("the state of a ResponseFuture is set by the outcome of its call alone")

    def set_result(self, result: Any) -> None:
        """Not for a call: see `settle`."""
        raise TypeError("the result of a ResponseFuture is set by the outcome of its call alone")

    def set_exception(self, exception: BaseException | None) -> None:
        """Not for a call: see `settle`."""
        raise TypeError("the result of a ResponseFuture is set by the outcome of its call alone")


def _log() -> logging.Logger:
    import logging

    return logging.getLogger("pywren.calls")
