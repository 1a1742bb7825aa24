"""Which PyWren packages are installed here, and in which versions."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("pywren-core", "pywren-lambda", "pywren-standalone", "pywren-cli")


def installed_versions() -> list[tuple[str, str]]:
    """Return the name and version of each installed PyWren package, core first.

    A package that is not installed is left out.

    >>> "pywren-cli" in dict(installed_versions())
    True
    """
    return [(name, found) for name in PACKAGES if (found := _version_of(name)) is not None]


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
