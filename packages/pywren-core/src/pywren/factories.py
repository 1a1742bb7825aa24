"""Making executors: from the configuration, or for one backend by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pywren.config import Config
    from pywren.executor import Executor

__all__ = [
    "default_executor",
    "lambda_executor",
    "local_executor",
    "remote_executor",
    "standalone_executor",
]


def default_executor(
    config: Mapping[str, Any] | Config | None = None, job_max_runtime: float = 200, **options: Any
) -> Executor:
    """Return an executor that is ready to go, as the configuration and environment want it.

    The environment variable `PYWREN_EXECUTOR` chooses the backend: `local`, `lambda`,
    `standalone` (also `remote`), or any other that is installed. Without it, settings in
    the sections `account` or `lambda` of the configuration mean `lambda`, and all else `local`.

    Args:
        config: settings that override those of the configuration file.
        job_max_runtime: seconds that one call may run.
        options: what the backend's own function takes, for instance `workers` of
            `local_executor`.

    Raises:
        ConfigError: a setting that cannot work; names the file, the field, what was expected.
        UnknownBackend: no such backend here; lists those that are, says what to install.

    >>> import pywren
    >>> pwex = pywren.default_executor(workers=2)
    >>> pywren.get_all_results(pwex.map(abs, [-1, -2]))
    [1, 2]
    >>> pwex.shutdown()
    """
    if _is_surely_local(config):
        return _open_local(config, job_max_runtime, options)
    loaded = _load(config)
    name = os.environ.get("PYWREN_EXECUTOR")
    if name or not _has_account(loaded):
        return _open(name or "local", loaded, job_max_runtime, options)
    return _open_for_account(loaded, job_max_runtime, options)


def local_executor(
    config: Mapping[str, Any] | Config | None = None,
    job_max_runtime: float = 3600,
    *,
    workers: int | None = None,
    worker_memory_mb: float | None = None,
) -> Executor:
    """Return an executor that runs calls in worker processes of this machine.

    Args:
        config: settings that override those of the configuration file.
        job_max_runtime: seconds that one call may run.
        workers: how many calls run at the same time. None: one per core that this process may
            use; inside a call, which has a core already: 1.
        worker_memory_mb: a call whose process holds more (MiB, resident) is stopped and ends
            in `WorkerOutOfMemory`. None: no limit.
    """
    options = {"workers": workers, "worker_memory_mb": worker_memory_mb}
    return _open_local(config, job_max_runtime, options)


def lambda_executor(
    config: Mapping[str, Any] | Config | None = None, job_max_runtime: float = 200, **options: Any
) -> Executor:
    """Return an executor that runs calls on AWS Lambda; `pip install pywren-lambda` brings it.

    The arguments are those of `default_executor`.
    """
    return _open("lambda", _load(config), job_max_runtime, options)


def standalone_executor(
    config: Mapping[str, Any] | Config | None = None, job_max_runtime: float = 3600, **options: Any
) -> Executor:
    """Return an executor whose calls are pulled from a queue by EC2 instances;
    `pip install pywren-standalone` brings it.

    The arguments are those of `default_executor`.
    """
    return _open("standalone", _load(config), job_max_runtime, options)


remote_executor = standalone_executor
"""The other name of `standalone_executor`."""


def _is_surely_local(config: object) -> bool:
    """Can that be told without reading the configuration, which takes a moment?"""
    name = os.environ.get("PYWREN_EXECUTOR")
    if name or config is not None or os.environ.get("PYWREN_CONFIG_FILE"):
        return name == "local"
    return not os.path.lexists(os.path.expanduser("~/.pywren_config"))


def _open_local(
    config: Mapping[str, Any] | Config | None, job_max_runtime: float, options: dict[str, Any]
) -> Executor:
    from pywren.local._head_start import HeadStart

    # First of all: the worker comes up while the rest is imported and read.
    head_start = HeadStart(options.get("workers"))
    try:
        return _open("local", _load(config), job_max_runtime, options | {"head_start": head_start})
    except BaseException:
        head_start.abandon()
        raise


def _open(name: str, config: Config, job_max_runtime: float, options: dict[str, Any]) -> Executor:
    from pywren.executor import Executor
    from pywren.executor._options import check_seconds
    from pywren.lookup import load_backend

    _set_log_level()
    check_seconds("job_max_runtime", job_max_runtime)
    opener = load_backend(name)
    backend = opener(config, job_max_runtime=job_max_runtime, **options)
    return Executor(backend, config, job_max_runtime=job_max_runtime)


def _load(config: Mapping[str, Any] | Config | None) -> Config:
    from pywren.config import load_config

    return load_config(config)


def _has_account(config: Config) -> bool:
    from pywren.config import AccountSettings, LambdaSettings

    return config.account != AccountSettings() or config.lambda_ != LambdaSettings()


def _open_for_account(config: Config, job_max_runtime: float, options: dict[str, Any]) -> Executor:
    from pywren.errors import UnknownBackend

    try:
        return _open("lambda", config, job_max_runtime, options)
    except UnknownBackend as error:
        where = config.source or "the config argument"
        error.add_note(f"lambda is what settings in account or lambda mean; there are in {where}")
        raise


def _set_log_level() -> None:
    """Let `PYWREN_LOGLEVEL` turn on the log, for those who have not set up logging."""
    level = os.environ.get("PYWREN_LOGLEVEL")
    if not level:
        return
    import logging

    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        from pywren.errors import ConfigError

        names = ", ".join(logging.getLevelNamesMapping())
        raise ConfigError(f"PYWREN_LOGLEVEL: expected one of {names}, found {level!r}")
    logger = logging.getLogger("pywren")
    logger.setLevel(number)
    if not logger.hasHandlers():
        logger.addHandler(logging.StreamHandler())
