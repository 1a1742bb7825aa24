"""From the text of a configuration file to plain values, or to an error with line and column.

PyYAML's own safe loader in Python is used, not the one in C: a configuration is a page at most,
the messages are better and the same everywhere, and deep nesting is an error instead of a crash.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pywren.config._errors import shown
from pywren.errors import ConfigError

if TYPE_CHECKING:
    import yaml

# What PyYAML lets through when the text of a scalar doesn't fit its type, as in 2024-13-45.
_MISFITS = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


def parse_yaml(source: str, text: str) -> object:
    """Return what the YAML `text` of the file `source` holds; `None` if it is empty.

    Raises:
        ConfigError: the text isn't YAML, names a setting twice, or holds more than plain values.
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_repeated_names(source, node)
        return _constructed(source, loader, node)
    except yaml.MarkedYAMLError as error:
        raise _broken(source, error.problem or "broken YAML", error.problem_mark) from error
    except yaml.YAMLError as error:
        # A character that can't be in YAML at all; the message's second line repeats the source.
        raise _broken(source, str(error).partition("\n")[0], None) from error
    except RecursionError as error:
        raise _broken(source, "nested too deeply", None) from error


def _constructed(source: str, loader: yaml.SafeLoader, node: yaml.Node) -> object:
    try:
        return loader.construct_document(node)
    except _MISFITS as error:
        culprit = next((each for each in _scalars(node, set()) if not _fits(each)), node)
        problem = "a value that its form doesn't allow (put it in quotes if it is text)"
        raise _broken(source, problem, culprit.start_mark) from error


def _fits(scalar: yaml.Node) -> bool:
    import yaml

    try:
        yaml.SafeLoader("").construct_object(scalar)
    except _MISFITS:
        return False
    return True


def _scalars(node: yaml.Node, seen: set[int]) -> Iterator[yaml.Node]:
    """Yield the scalars below `node` in their order; an anchor may make it contain itself."""
    import yaml

    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item, seen)
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            for part in pair:
                yield from _scalars(part, seen)


def _refuse_repeated_names(source: str, root: yaml.Node) -> None:
    """Raise for a section or setting that stands twice, of which YAML would drop the first."""
    import yaml

    if not isinstance(root, yaml.MappingNode):
        return
    sections = [value for _, value in root.value if isinstance(value, yaml.MappingNode)]
    for mapping in (root, *sections):
        lines: dict[str, int] = {}
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if key.value in lines:
                problem = f"a second {shown(key.value)}, the first is in line {lines[key.value]}"
                raise _broken(source, problem, key.start_mark)
            lines[key.value] = key.start_mark.line + 1


def _broken(source: str, problem: str, mark: yaml.error.Mark | None) -> ConfigError:
    where = "" if mark is None else f": line {mark.line + 1}, column {mark.column + 1}"
    return ConfigError(f"{source}{where}: expected YAML, found: {problem}")
