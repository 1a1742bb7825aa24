"""Which configuration file is read, and which is only pointed out."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping

from pywren.errors import ConfigError

FILE_NAME = ".pywren_config"
FILE_VARIABLE = "PYWREN_CONFIG_FILE"

# Far more than any configuration needs, and little enough to be parsed at once.
_LARGEST_FILE_BYTES = 1_000_000

_logger = logging.getLogger(__name__)


def config_path(
    *,
    environ: Mapping[str, str] | None = None,
    home: str | os.PathLike[str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> str | None:
    """Return the path of the configuration file that is read, or `None` if there is none.

    Args:
        environ: the environment; this process's by default.
        home: the home directory; the user's by default.
        cwd: what a relative path is relative to; the current directory by default.

    Returns:
        What `PYWREN_CONFIG_FILE` says, if it says anything, whether or not that file exists (`~/`
        stands for the home directory); else `.pywren_config` in the home directory, if it exists.

    >>> config_path(environ={"PYWREN_CONFIG_FILE": "/etc/pywren.yaml"})
    '/etc/pywren.yaml'
    >>> config_path(environ={}, home="/nonexistent") is None
    True
    """
    named = (os.environ if environ is None else environ).get(FILE_VARIABLE)
    home_directory = _home() if home is None else os.fspath(home)
    if named:
        return _resolved(named, home_directory, os.curdir if cwd is None else os.fspath(cwd))
    if home_directory is None:
        return None
    path = os.path.join(home_directory, FILE_NAME)
    # A link that leads nowhere counts: reading it then tells what is wrong.
    return path if os.path.lexists(path) else None


def read_text(path: str) -> str:
    """Return the text of the configuration file at `path`.

    Raises:
        ConfigError: it is missing, not a file, unreadable, too large, or not UTF-8.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: expected a configuration file, found none; "
            f"create it, or change or unset {FILE_VARIABLE}"
        ) from error
    except IsADirectoryError as error:
        raise ConfigError(
            f"{path}: expected a configuration file, found a directory; name the file in it"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{path}: the configuration file can't be read: {error.strerror}"
        ) from error
    return _decoded(path, content)


def point_out_local_file(chosen: str | None, cwd: str | os.PathLike[str] | None = None) -> None:
    """Warn, once for each directory, of a `.pywren_config` here that isn't the `chosen` file."""
    directory = os.curdir if cwd is None else os.fspath(cwd)
    local = os.path.join(directory, FILE_NAME)
    if not os.path.exists(local) or (chosen is not None and _same_file(local, chosen)):
        return
    _warn_once(os.path.realpath(directory))


@functools.cache
def _warn_once(directory: str) -> None:
    _logger.warning(
        "found ./%s in %s, which is not read by itself, as it may be somebody else's; "
        "set %s=./%s to use it",
        FILE_NAME,
        directory,
        FILE_VARIABLE,
        FILE_NAME,
    )


def _home() -> str | None:
    found = os.path.expanduser("~")
    # Left as it is where the user has no home: then "~" would be a name in the current directory.
    return None if found == "~" else found


def _resolved(named: str, home: str | None, cwd: str) -> str:
    if home is not None and named.startswith("~/"):
        return os.path.join(home, named[2:])
    return named if cwd == os.curdir else os.path.join(cwd, named)


def _same_file(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _decoded(path: str, content: bytes) -> str:
    if len(content) > _LARGEST_FILE_BYTES:
        raise ConfigError(
            f"{path}: expected a configuration file of at most {_LARGEST_FILE_BYTES} bytes, "
            f"found more; is it the right file?"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected UTF-8 text, found the byte 0x{content[error.start]:02x} "
            f"at offset {error.start}; save the file as UTF-8"
        ) from error
