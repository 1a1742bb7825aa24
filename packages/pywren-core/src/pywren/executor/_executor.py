"""The executor: what a user maps functions with."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, TypeVar

from pywren.executor._courier import Courier
from pywren.executor._inputs import batches, call_specs, check_limit
from pywren.executor._options import CallOptions, check_function, with_overrides
from pywren.executor._sent_callset import SentCallset
from pywren.futures._waiting import cancel_all
from pywren.protocol import CallsetSpec, new_callset_id

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from pywren.backends import Backend
    from pywren.config import Config
    from pywren.executor._leaving import Leaving
    from pywren.futures import ResponseFuture

    Style = Literal["item", "arguments", "parts"]

__all__ = ["Executor"]

log = logging.getLogger("pywren.executor")

A = TypeVar("A")
T = TypeVar("T")


class Executor:
    """Runs calls on a backend. `pywren.default_executor()` and its like make one.

    Used with `with`, it waits for its calls at the end of the block; if the block ends by an
    exception (Ctrl-C is one), it cancels them. Without `with`, the same happens when Python
    ends.

    Args:
        backend: where calls run.
        config: the settings.
        job_max_runtime: seconds that a call may run, if `map` does not say.

    Example:
        >>> import pywren
        >>> with pywren.local_executor(workers=2) as pwex:
        ...     futures = pwex.map(len, ["one", "three"])
        ...     [future.result() for future in futures]
        [3, 5]
    """

    def __init__(self, backend: Backend, config: Config, *, job_max_runtime: float = 200) -> None:
        self._backend = backend
        self._config = config
        self.job_max_runtime = job_max_runtime
        self._courier = Courier(backend)
        self._lock = threading.Lock()
        self._state: Literal["new", "open", "closed"] = "new"
        self._leaving: Leaving | None = None

    @property
    def backend(self) -> Backend:
        """Where the calls run."""
        return self._backend

    @property
    def config(self) -> Config:
        """The settings."""
        return self._config

    def map(
        self,
        func: Callable[[A], T],
        iterdata: Iterable[A],
        extra_env: Mapping[str, str] | None = None,
        extra_meta: Mapping[str, Any] | None = None,
        invoke_pool_threads: int = 64,
        data_all_as_one: bool = True,
        use_cached_runtime: bool = True,
        overwrite_invoke_args: Mapping[str, Any] | None = None,
        exclude_modules: Sequence[str] | None = None,
        *,
        include_modules: Sequence[str] | None = None,
        chunksize: int = 1,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> list[ResponseFuture[T]]:
        """Call `func` with each item of `iterdata`, and return a future for each, in order.

        Returns when all items are packed, while calls are still being sent and run. Each item is
        one call's only argument, whatever it is: a tuple, a dictionary, an array.

        Args:
            func: the function; it travels with the local modules that it needs.
            iterdata: any iterable, read once. An empty one gives an empty list.
            extra_env: environment variables for the time of each call.
            extra_meta: facts of your own; they come back in each future's `run_status`.
            invoke_pool_threads: how many threads send calls, where that takes threads.
            data_all_as_one: store large inputs as one object, where they go to a store.
            use_cached_runtime: False fetches the runtime afresh, where there is one.
            overwrite_invoke_args: replaces fields of the call spec; for testing.
            exclude_modules: names of modules that must not travel.
            include_modules: names of modules that must, though nothing shows that they are
                needed.
            chunksize: how many calls a worker may be given at once. Short calls are sent in
                larger messages anyway.
            timeout: seconds that one call may run. None: the executor's `job_max_runtime`.
            retries: how often a call whose worker was lost is sent again. None: the backend's
                default (local: 0). What the function raises is never tried again.

        Raises:
            ValueError: more items than `scheduler.map_item_limit`, before anything is sent; or
                an option that cannot work.
            SerializationError: something cannot be pickled; names it, and where it hangs.
        """
        options = CallOptions(
            extra_env=extra_env,
            extra_meta=extra_meta,
            invoke_pool_threads=invoke_pool_threads,
            data_all_as_one=data_all_as_one,
            use_cached_runtime=use_cached_runtime,
            overwrite_invoke_args=overwrite_invoke_args,
            exclude_modules=exclude_modules,
            include_modules=include_modules,
            chunksize=chunksize,
            timeout=timeout,
            retries=retries,
        ).checked()
        items = check_limit(iterdata, self._config.scheduler.map_item_limit)
        return self.send_all(self.begin(func, options), items)

    def call_async(
        self,
        func: Callable[[A], T],
        data: A,
        extra_env: Mapping[str, str] | None = None,
        extra_meta: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ResponseFuture[T]:
        """Call `func(data)` once. The options are those of `map`."""
        return self.map(func, [data], extra_env, extra_meta, **options)[0]

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> ResponseFuture[T]:
        """Call `fn(*args, **kwargs)` once, as `concurrent.futures.Executor.submit` does.

        >>> import pywren
        >>> with pywren.local_executor(workers=1) as pwex:
        ...     pwex.submit(pow, 2, 10).result()
        1024
        """
        callset = self.begin(fn, CallOptions(), style="arguments")
        return self.send_all(callset, [(args, kwargs)])[0]

    def reduce(
        self,
        function: Callable[[list[A]], T],
        list_of_futures: Iterable[ResponseFuture[A]],
        extra_env: Mapping[str, str] | None = None,
        extra_meta: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        retries: int | None = None,
        exclude_modules: Sequence[str] | None = None,
        include_modules: Sequence[str] | None = None,
    ) -> ResponseFuture[T]:
        """Call `function(results)` once with the results of all the futures, in order.

        The call starts when they are all over; meanwhile nothing waits on a worker. Results go
        from worker to worker: this process does not unpickle them. If one of the futures failed,
        so does this one, with the same exception; if one was cancelled, this one is.
        """
        from pywren.executor._reducing import reduce_futures
        from pywren.futures._given import given_futures

        options = CallOptions(
            extra_env=extra_env,
            extra_meta=extra_meta,
            timeout=timeout,
            retries=retries,
            exclude_modules=exclude_modules,
            include_modules=include_modules,
        ).checked()
        futures = given_futures("list_of_futures", list_of_futures)
        callset = self.begin(function, options, style="parts")
        return reduce_futures(self._courier, callset, futures)

    def map_reduce(
        self,
        map_function: Callable[[A], Any],
        iterdata: Iterable[A],
        reduce_function: Callable[[list[Any]], T],
        extra_env: Mapping[str, str] | None = None,
        extra_meta: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ResponseFuture[T]:
        """`reduce` over the futures of a `map`; `options` are those of `map`.

        >>> import pywren
        >>> with pywren.local_executor(workers=2) as pwex:
        ...     pwex.map_reduce(abs, [-1, -2, -3], sum).result()
        6
        """
        futures = self.map(map_function, iterdata, extra_env, extra_meta, **options)
        return self.reduce(reduce_function, futures, extra_env, extra_meta)

    def imap(
        self,
        func: Callable[[A], T],
        iterdata: Iterable[A],
        *,
        window: int = 1000,
        return_exceptions: bool = False,
        **options: Any,
    ) -> Iterator[T]:
        """Yield `func(item)` for each item, in order, from an input that may never end.

        Items are read as results are taken: at most `window` calls are sent and not yet yielded.
        Closing the iterator cancels what is outstanding.

        Args:
            func: as for `map`.
            iterdata: any iterable; infinite ones are welcome.
            window: how many calls may be outstanding.
            return_exceptions: yield what a call raised in place of raising it.
            options: those of `map`.

        >>> import pywren, itertools
        >>> with pywren.local_executor(workers=1) as pwex:
        ...     list(itertools.islice(pwex.imap(abs, itertools.count(-2), window=4), 5))
        [2, 1, 0, 1, 2]
        """
        from pywren.executor._streaming import in_order

        return in_order(self._stream(func, iterdata, options), window, return_exceptions)

    def imap_unordered(
        self,
        func: Callable[[A], T],
        iterdata: Iterable[A],
        *,
        window: int = 1000,
        return_exceptions: bool = False,
        **options: Any,
    ) -> Iterator[T]:
        """As `imap`, but each result as soon as it is there."""
        from pywren.executor._streaming import as_they_come

        return as_they_come(self._stream(func, iterdata, options), window, return_exceptions)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls and free the workers. Twice is harmless.

        In a done-callback it waits for nothing: what it would wait for comes after the callback.

        Args:
            wait: return when all calls are over. If False, the calls of a local executor, which
                need this process, are cancelled.
            cancel_futures: cancel what is not over, queued or running.
        """
        with self._lock:
            state, self._state = self._state, "closed"
        if state == "new":
            self._backend.close(wait=False)
        if state != "open" or self._leaving is None or self._leaving.elsewhere:
            return
        if cancel_futures:
            self.cancel_pending()
        self._leaving.leave(wait=wait)

    def cancel_pending(self) -> None:
        """Cancel all calls that are not over."""
        cancel_all(self._courier.pending())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for all calls; after an exception, cancel them."""
        self.shutdown(wait=True, cancel_futures=kind is not None)

    def __reduce__(self) -> NoReturn:
        """Executors stay where they are: workers and futures hang on them."""
        raise TypeError(
            "an executor cannot travel to a worker: make one inside of the function, with "
            "pywren.default_executor()"
        )

    def __repr__(self) -> str:
        """Backend and state."""
        return f"<Executor {self._backend.name} {self._state}>"

    # -- sending ------------------------------------------------------------------------------

    def begin(
        self, func: Callable[..., Any], options: CallOptions, style: Style = "item"
    ) -> SentCallset:
        """Pack and hold the function of a new callset, whose calls will follow."""
        from pywren.serialization.functions import pack_function

        check_function(func)
        self._open()  # workers come up while the function is packed
        begin = time.perf_counter()
        payload = pack_function(
            func, exclude_modules=options.exclude_modules, include_modules=options.include_modules
        )
        packed = time.perf_counter()
        self._backend.hold_function(payload.digest, payload.segments)
        log.debug("packed %s for %s in %.3f s", func, self._backend.name, packed - begin)
        facts = {
            "executor": self._backend.name,
            "host_submit_time": time.time(),
            "func_pickle_time": packed - begin,
            "func_upload_time": time.perf_counter() - packed,
        }
        return self._register(self._spec(payload.digest, options, style), options, facts)

    def _spec(self, digest: str, options: CallOptions, style: Style) -> CallsetSpec:
        import os

        spec = CallsetSpec(
            callset_id=new_callset_id(),
            function=digest,
            timeout=float(options.timeout or self.job_max_runtime),
            style=style,
            store_url=None if self._backend.pushes_outcomes else self._backend.store_url,
            signing_key=os.urandom(32),
            env=dict(options.extra_env or {}),
            use_cached_runtime=options.use_cached_runtime,
            extra_meta=dict(options.extra_meta or {}),
            submitted_at=time.time(),
        )
        return with_overrides(spec, options.overwrite_invoke_args)

    def _register(
        self, spec: CallsetSpec, options: CallOptions, facts: dict[str, Any]
    ) -> SentCallset:
        retries = self._backend.default_retries if options.retries is None else options.retries
        callset = SentCallset(
            spec,
            self._courier,
            self._backend.store_url,
            sending=options.sending,
            retries=retries,
            facts=facts,
        )
        self._courier.begin(callset)
        return callset

    def send_all(self, callset: SentCallset, items: Iterable[Any]) -> list[ResponseFuture[Any]]:
        """Send a call for each item of a callset that `begin` made; no more will follow.

        If reading or packing an item raises, the calls that were sent are cancelled.
        """
        futures: list[ResponseFuture[Any]] = []
        try:
            for batch in batches(call_specs(callset.callset_id, items, self._backend)):
                futures += self._courier.send(callset, batch)
        except BaseException:  # the caller gets no futures: nobody could ask for these results
            cancel_all(list(callset.pending.values()))
            raise
        finally:
            self._courier.seal(callset)
        return futures

    def send_each(
        self, callset: SentCallset, items: Iterable[Any]
    ) -> Generator[ResponseFuture[Any], None, None]:
        """As `send_all`, but each item is read and sent when its future is asked for.

        No more will follow once the generator ends or is closed.
        """
        try:
            for call in call_specs(callset.callset_id, items, self._backend):
                yield self._courier.send(callset, [call])[0]
        except BaseException:  # one of them may not have been handed out
            cancel_all(list(callset.pending.values()))
            raise
        finally:
            self._courier.seal(callset)

    def _stream(
        self, func: Callable[..., Any], iterdata: Iterable[Any], options: dict[str, Any]
    ) -> Iterator[ResponseFuture[Any]]:
        callset = self.begin(func, CallOptions(**options).checked())
        return self.send_each(callset, iterdata)

    def _open(self) -> None:
        with self._lock:
            if self._state == "closed" or (self._leaving is not None and self._leaving.elsewhere):
                raise RuntimeError(f"{self!r} was shut down: make a new one to run more calls")
            if self._state == "open":
                return
            from pywren.executor._leaving import Leaving

            self._backend.open(self._courier.deliver)
            self._state = "open"
            self._leaving = Leaving(self._courier, self._backend)
            self._leaving.remember(self)
