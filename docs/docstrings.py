"""How docstrings become pages: what a Python reader takes for granted, said in Markdown.

The reference is made from the docstrings as they are in the source. They hold doctests, literal
blocks after `::`, and lists of fields, none of which Markdown knows.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

from griffe import Attribute, Class, Extension, Object

_DOCTEST = re.compile(r"(?m)^(?P<indent> *)>>> .*\n?(?:(?P=indent)\S.*\n?|(?P=indent) +\S.*\n?)*")


_TWO_NAMES = re.compile(r"(?m)^(?P<indent> {4})(?P<one>\w+), (?P<other>\w+): ")


class Docstrings(Extension):
    """Rewrites each docstring when it is loaded; found by its file in `mkdocs.yml`."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Called by griffe for every module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)

    def on_class_members(self, *, cls: Class, **_: Any) -> None:
        """Called by griffe for every class when its members are known."""
        is_record = any("Struct" in str(base) for base in cls.bases)
        if is_record and cls.docstring is not None and "Attributes:" not in cls.docstring.value:
            cls.docstring.value += _fields(cls)


def as_markdown(text: str) -> str:
    """A docstring with its doctests fenced, and its fields and examples as sections."""
    text = re.sub(r"(?m)^Fields:$", "Attributes:", text)
    text = re.sub(r"(?m)^Example:\n", "", text)
    text = re.sub(r"(?m)::$", ":", text)
    text = re.sub(r"(?m)^:\n\n", "", text)
    text = _TWO_NAMES.sub(r"\g<indent>\g<one>: see `\g<other>`.\n\g<indent>\g<other>: ", text)
    return text if "```" in text else _DOCTEST.sub(_fenced, text)


def _fenced(found: re.Match[str]) -> str:
    return f"```pycon\n{textwrap.dedent(found[0]).rstrip()}\n```\n"


def _fields(record: Class) -> str:
    """The fields of a record whose docstring does not list them."""
    fields = [
        f"`{name}: {member.annotation}`"
        for name, member in record.members.items()
        if isinstance(member, Attribute) and not name.startswith("_")
    ]
    return f"\n\nFields: {', '.join(fields)}." if fields else ""
