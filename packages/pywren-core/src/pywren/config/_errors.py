"""The sentences of configuration errors: which file, which setting, what was expected and found.

Values that may be secret are never repeated, and neither is the text of a file.
"""

from __future__ import annotations

from collections.abc import Iterable

from pywren.errors import ConfigError

_LONGEST_SHOWN = 60
_MOST_BITS_SHOWN = 64
_SECRET_WORDS = ("key", "secret", "token", "password")
_KINDS = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    bytes: "binary data",
    list: "a list",
    dict: "a mapping",
}


def wrong_value(
    source: str, name: str, value: object, *, expected: str, example: object
) -> ConfigError:
    """Return the error for a setting `name` (`section.field`) whose `value` can't be used."""
    field = name.rpartition(".")[2]
    return ConfigError(
        f"{source}: {name}: expected {expected}, found {describe(value, name=name)}; "
        f"write for example {field}: {_written(example)}"
    )


def not_settings(source: str, name: str, value: object) -> ConfigError:
    """Return the error for a section, or with `name` "" a whole file, that isn't a mapping."""
    where = f"{source}: {name}" if name else source
    what = "settings by name" if name else "sections with settings"
    example = f"{name}: {{field: value}}" if name else "s3: {bucket: my-bucket}"
    # The value may be a secret in the wrong place: only its kind is told.
    return ConfigError(
        f"{where}: expected {what}, found {kind(value)}; write for example {example}"
    )


def unknown_section(source: str, name: object, known: Iterable[str]) -> ConfigError:
    """Return the error for a section that doesn't exist; `known` are the right names.

    `known` holds the names of sections, and `section.field` for settings which may have been
    written at the top level by mistake.
    """
    names = list(known)
    sections = [each for each in names if "." not in each]
    hint = _elsewhere(name, names) or _nearest(name, sections)
    return _unknown(source, shown(name), "section", hint, sections)


def unknown_field(source: str, section: str, name: object, known: Iterable[str]) -> ConfigError:
    """Return the error for a setting that `section` doesn't have; `known`: all `section.field`."""
    names = list(known)
    own = [each.partition(".")[2] for each in names if each.startswith(f"{section}.")]
    near = _nearest(name, own)
    hint = f"{section}.{near}" if near else _elsewhere(name, names)
    return _unknown(source, f"{section}.{shown(name)}", "setting", hint, own)


def describe(value: object, *, name: str) -> str:
    """Return how a message shows `value`: itself and its kind, or only its kind.

    Only the kind is shown of containers, of very long integers, and of whatever may be secret by
    the name of its setting or because an address in it may hold a password.
    """
    if not isinstance(value, bool | int | float | str) or _may_be_secret(name, value):
        return kind(value)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS_SHOWN:
        return f"an integer of {value.bit_length()} bits"
    return f"{_written(value)} ({kind(value)})"


def kind(value: object) -> str:
    """Return a value's type in the words of a configuration file.

    >>> kind("many"), kind(3), kind(None)
    ('a string', 'an integer', 'nothing')
    """
    if value is None:
        return "nothing"
    return _KINDS.get(type(value)) or f"a value of type {type(value).__name__}"


def shown(text: object) -> str:
    """Return a name as it stands, shortened, with what can't be printed escaped."""
    line = text if isinstance(text, str) and text.isprintable() and text else ascii(text)
    return line if len(line) <= _LONGEST_SHOWN else line[:_LONGEST_SHOWN] + "..."


def _written(value: object) -> str:
    if isinstance(value, str):
        line = shown(value)
        return f'"{line}"' if value.isprintable() else line
    return str(value).lower()


def _may_be_secret(name: str, value: object) -> bool:
    field = name.rpartition(".")[2].lower()
    return any(word in field for word in _SECRET_WORDS) or (isinstance(value, str) and "@" in value)


def _nearest(name: object, known: list[str]) -> str | None:
    from difflib import get_close_matches

    if not isinstance(name, str):
        return None
    found = get_close_matches(name.lower(), known, n=1)
    return found[0] if found else None


def _elsewhere(name: object, known: list[str]) -> str | None:
    """Return the `section.field` whose field is `name`, for a setting in the wrong section."""
    return next((each for each in known if each.partition(".")[2] == name), None)


def _unknown(source: str, name: str, what: str, hint: str | None, known: list[str]) -> ConfigError:
    advice = f"did you mean {hint}?" if hint else f"expected one of {', '.join(known)}"
    return ConfigError(f"{source}: {name}: unknown {what}; {advice}")
