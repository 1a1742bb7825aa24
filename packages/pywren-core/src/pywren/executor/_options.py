"""What a user may say about a callset, checked before anything is packed or sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from pywren.backends import Sending
from pywren.protocol import CallsetSpec

__all__ = ["CallOptions", "check_function", "check_seconds", "with_overrides"]

_RESERVED: Final = frozenset(CallsetSpec.__struct_fields__) | {"call_id", "attempt", "outcome"}


class CallOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `Executor.map` and its like; what they mean is told there."""

    extra_env: Mapping[str, str] | None = None
    extra_meta: Mapping[str, Any] | None = None
    invoke_pool_threads: int = 64
    data_all_as_one: bool = True
    use_cached_runtime: bool = True
    overwrite_invoke_args: Mapping[str, Any] | None = None
    exclude_modules: Sequence[str] | None = None
    include_modules: Sequence[str] | None = None
    chunksize: int = 1
    timeout: float | None = None
    retries: int | None = None

    def checked(self) -> CallOptions:
        """These options, if they can work; else `ValueError` or `TypeError` that says which."""
        for name in ("chunksize", "invoke_pool_threads"):
            _check_whole(name, getattr(self, name), 1)
        if self.retries is not None:
            _check_whole("retries", self.retries, 0)
        if self.timeout is not None:
            check_seconds("timeout", self.timeout)
        _check_environment(self.extra_env or {})
        _check_meta(self.extra_meta or {})
        for name in ("exclude_modules", "include_modules"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name}: expected a list of module names, found one string")
        return self

    @property
    def sending(self) -> Sending:
        """What of this concerns the way to the workers."""
        return Sending(chunksize=self.chunksize, invoke_pool_threads=self.invoke_pool_threads)


_GENERATOR: Final = 0x20
_COROUTINE: Final = 0x80
_ASYNC_GENERATOR: Final = 0x200


def check_function(function: object) -> None:
    """`TypeError` if it cannot be called, or if what it returns could never travel."""
    if not callable(function):
        raise TypeError(f"func: expected something to call, found {function!r}")
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    if flags & _GENERATOR:
        raise TypeError(f"func: {function!r} is a generator function: let it return a list")
    if flags & (_COROUTINE | _ASYNC_GENERATOR):
        raise TypeError(
            f"func: {function!r} is a coroutine function: let a plain one run it with asyncio.run"
        )


def with_overrides(spec: CallsetSpec, overrides: Mapping[str, Any] | None) -> CallsetSpec:
    """The spec with fields replaced by name, as `overwrite_invoke_args` asks."""
    if not overrides:
        return spec
    unknown = sorted(set(overrides) - set(CallsetSpec.__struct_fields__))
    if unknown:
        fields = ", ".join(CallsetSpec.__struct_fields__)
        raise ValueError(f"overwrite_invoke_args: no field {unknown[0]!r}; there are {fields}")
    return msgspec.structs.replace(spec, **overrides)


def _check_whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: expected a whole number from {least} up, found {value!r}")


def check_seconds(name: str, value: Any) -> None:
    """`TypeError` or `ValueError` if this is no time that a call may run."""
    if not hasattr(value, "__float__"):  # numpy's integers are numbers too, texts are none
        raise TypeError(f"{name}: expected seconds, found {value!r} ({type(value).__name__})")
    if not value > 0:
        raise ValueError(f"{name}: expected seconds above 0, found {value!r}")


def _check_mapping(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: expected a dictionary, found {value!r}")


def _check_environment(variables: Mapping[str, str]) -> None:
    _check_mapping("extra_env", variables)
    for name, value in variables.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(
                f"extra_env: expected texts, found {name!r} with {type(value).__name__}: "
                "write numbers as text"
            )
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"extra_env: {name!r} cannot be the name of an environment variable")


def _check_meta(meta: Mapping[str, Any]) -> None:
    _check_mapping("extra_meta", meta)
    for name in meta:
        if name in _RESERVED:
            raise ValueError(f"extra_meta: {name!r} is a name of PyWren's own: take another")
    try:
        msgspec.json.encode(dict(meta))
    except (TypeError, ValueError) as error:
        raise TypeError(f"extra_meta: expected what JSON can hold: {error}") from error
