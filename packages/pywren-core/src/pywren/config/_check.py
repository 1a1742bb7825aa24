"""From plain values to checked settings: every section, name, type and limit."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from msgspec import structs

from pywren.config import _errors
from pywren.config._schema import RETIRED, SECTIONS, Config

# What was set, by section and field; None takes back what came before it.
Settings = dict[str, dict[str, Any]]

_logger = logging.getLogger(__name__)


def check_settings(source: str, raw: object) -> Settings:
    """Return what `raw` sets, checked; `source` is what messages name.

    Args:
        source: the path of a file, or "config argument".
        raw: sections of settings, as YAML or a user gives them; `None` sets nothing.

    Raises:
        ConfigError: an unknown name, or a value that can't be used.
    """
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise _errors.not_settings(source, "", raw)
    checked: Settings = {}
    for section, values in raw.items():
        if _is_retired(source, "", section):
            continue
        if section not in SECTIONS:
            raise _errors.unknown_section(source, section, [*SECTIONS, *_known_fields()])
        checked[section] = _check_section(source, section, values)
    return checked


def build_config(settings: Settings, source: str | None) -> Config:
    """Return the `Config` of checked `settings`; what is `None` in them gets its default."""
    sections = {
        name: section(**{k: v for k, v in settings.get(name, {}).items() if v is not None})
        for name, section in SECTIONS.items()
    }
    sections["lambda_"] = sections.pop("lambda")
    return Config(**sections, source=source)  # type: ignore[arg-type]  # each was checked


def _check_section(source: str, section: str, values: object) -> dict[str, Any]:
    if values is None:
        return dict.fromkeys(_fields(section))
    if not isinstance(values, Mapping):
        raise _errors.not_settings(source, section, values)
    checked = {}
    for name, value in values.items():
        if _is_retired(source, section, name):
            continue
        if name not in _fields(section):
            raise _errors.unknown_field(source, section, name, _known_fields())
        checked[name] = None if value is None else _check_value(source, section, name, value)
    return checked


def _check_value(source: str, section: str, name: str, value: object) -> object:
    field = _fields(section)[name]
    try:
        return msgspec.convert(_account_as_text(name, value), field.type)
    except msgspec.ValidationError as error:
        meta = _meta(field.type)
        raise _errors.wrong_value(
            source,
            f"{section}.{name}",
            value,
            expected=meta.description or "another value",
            example=(meta.examples or [field.default])[0],
        ) from error


def _account_as_text(name: str, value: object) -> object:
    """Return an account id in digits as text; others stay, to be refused or taken as they are.

    Twelve digits with a leading zero can be another number to YAML (octal), with fewer digits.
    """
    plain = type(value) is int and 0 <= value < 10**12
    return str(value) if name == "aws_account_id" and plain else value


def _is_retired(source: str, section: str, name: object) -> bool:
    if (section, name) not in RETIRED:
        return False
    _logger.info("%s: %s is not used any more and has no effect", source, name)
    return True


@functools.cache
def _fields(section: str) -> dict[str, structs.FieldInfo]:
    return {field.name: field for field in structs.fields(SECTIONS[section])}


def _known_fields() -> list[str]:
    return [f"{section}.{name}" for section in SECTIONS for name in _fields(section)]


def _meta(hint: Any) -> msgspec.Meta:
    """Return what is said of a setting's type, which may be `... | None`."""
    parts = [hint, *get_args(hint)]
    found = (each for part in parts for each in getattr(part, "__metadata__", ()))
    return next((each for each in found if isinstance(each, msgspec.Meta)), msgspec.Meta())
