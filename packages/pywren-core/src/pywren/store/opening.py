"""From a URL to a store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from pywren.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

    from pywren.store.interface import Store

__all__ = ["open_store"]


def open_store(url: str, **options: Any) -> Store:
    """The store at `url`.

    - `s3://bucket/prefix`: S3, or whatever speaks its language at `AWS_ENDPOINT_URL_S3` or
      `AWS_ENDPOINT_URL`. Region and credentials come from the environment; where boto3 is
      installed, also from its profiles, SSO and the rest of its chain.
    - `file:///folder`: a folder of this machine. It is made when the first object is stored.
    - `memory://name`: the memory of this process. The same name is the same store.

    Args:
        url: as above. What follows the bucket is put before every key.
        options: for S3 the fields of `pywren.store.s3.S3Options`; the others take none.

    Raises:
        ConfigError: the scheme is unknown, the URL is not whole, or an option does not exist.

    Nothing is sent yet: a bucket that does not exist shows with the first request.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.password is not None or parts.username is not None:
        raise ConfigError(  # without the URL: messages are logged
            f"a store's URL ({parts.scheme}://...@...) cannot be opened: expected no user and no "
            "password in it; credentials come from the environment"
        )
    if parts.query or parts.fragment:
        raise ConfigError(
            f"the store {url!r} cannot be opened: expected no '?' and no '#' in a store's URL; in "
            "a file:// URL write %3F and %23 for them, and pass options to open_store"
        )
    opener = _OPENERS.get(parts.scheme)
    if opener is None:
        known = ", ".join(f"{scheme}://" for scheme in sorted(_OPENERS))
        raise ConfigError(f"the store {url!r} cannot be opened: expected a URL with {known}")
    return opener(parts, options)


def _open_s3(url: SplitResult, options: dict[str, Any]) -> Store:
    from pywren.store.s3 import open_s3

    return open_s3(url, options)


def _open_file(url: SplitResult, options: dict[str, Any]) -> Store:
    from pathlib import Path
    from urllib.parse import unquote

    from pywren.store.files import FileStore

    _refuse_options(url, options)
    if url.netloc not in ("", "localhost") or not url.path.startswith("/"):
        raise ConfigError(
            f"the store {url.geturl()!r} cannot be opened: expected an absolute path with three "
            "slashes, like file:///home/me/store"
        )
    return FileStore(Path(unquote(url.path)))


def _open_memory(url: SplitResult, options: dict[str, Any]) -> Store:
    _refuse_options(url, options)
    name = url.geturl().rstrip("/")
    with _memory_lock:
        if name not in _memory_stores:
            _memory_stores[name] = _new_memory_store(name)
        return _memory_stores[name]


def _new_memory_store(url: str) -> Store:
    from obstore.store import MemoryStore

    from pywren.store.remote import RemoteStore

    return RemoteStore(url, MemoryStore())


def _refuse_options(url: SplitResult, options: dict[str, Any]) -> None:
    if options:
        raise ConfigError(f"{url.scheme}:// stores take no options, found {', '.join(options)}")


_memory_lock = threading.Lock()
_memory_stores: dict[str, Store] = {}

_OPENERS: Final[dict[str, Callable[[SplitResult, dict[str, Any]], Store]]] = {
    "s3": _open_s3,
    "file": _open_file,
    "memory": _open_memory,
}
