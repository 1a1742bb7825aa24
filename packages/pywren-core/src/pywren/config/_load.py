"""The configuration as a whole: the file, then what the caller passed over it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

from pywren.config._check import Settings, build_config, check_settings
from pywren.config._files import config_path, point_out_local_file, read_text
from pywren.config._schema import SECTIONS, Config
from pywren.config._yaml import parse_yaml

_ARGUMENT = "config argument"


def load_config(
    overrides: Mapping[str, Any] | Config | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    home: str | os.PathLike[str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Config:
    """Return the settings of the configuration file, with `overrides` over them field by field.

    Args:
        overrides: sections of settings, as in the file. `None` as a setting or as a section takes
            back what the file says. A `Config` is complete: it is checked, and no file is read.
        environ: the environment, in which `PYWREN_CONFIG_FILE` may name the file; this process's
            by default.
        home: the home directory, where `.pywren_config` is looked for; the user's by default.
        cwd: the directory whose `.pywren_config` is pointed out by a logged warning, but not
            read; the current one by default.

    Raises:
        ConfigError: the file is named but missing, can't be read, or isn't YAML; or it or
            `overrides` holds an unknown name or a value that can't be used.

    >>> config = load_config({"scheduler": {"map_item_limit": 10}}, environ={}, home="/nonexistent")
    >>> config.scheduler.map_item_limit
    10
    >>> config.source is None
    True
    """
    if isinstance(overrides, Config):
        return build_config(check_settings(_ARGUMENT, _as_settings(overrides)), overrides.source)
    path = config_path(environ=environ, home=home, cwd=cwd)
    point_out_local_file(path, cwd)
    from_file = {} if path is None else check_settings(path, parse_yaml(path, read_text(path)))
    return build_config(_merged(from_file, check_settings(_ARGUMENT, overrides)), path)


def _as_settings(config: Config) -> dict[str, object]:
    sections = {name: getattr(config, _attribute(name)) for name in SECTIONS}
    return {
        name: structs.asdict(section) if isinstance(section, Struct) else section
        for name, section in sections.items()
    }


def _attribute(section: str) -> str:
    return "lambda_" if section == "lambda" else section


def _merged(below: Settings, above: Settings) -> Settings:
    """Return both settings as one, in which a field of `above` hides that of `below`."""
    return {name: below.get(name, {}) | above.get(name, {}) for name in SECTIONS}
