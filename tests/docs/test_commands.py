from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from docs.fences import ROOT, fenced_blocks, name_of, pages

SHELL = {"sh", "bash", "shell", "console", ""}
KNOWN = {"cd", "git", "pip", "python3", "pywren"}

everywhere = pytest.mark.parametrize("page", pages(), ids=name_of)


def hatch_scripts() -> dict[str, object]:
    settings = tomllib.loads((ROOT / "hatch.toml").read_text())
    scripts: dict[str, object] = dict(settings["envs"]["default"]["scripts"])
    for name, environment in settings["envs"].items():
        for script in environment.get("scripts", {}):
            scripts[f"{name}:{script}"] = None
    return scripts


def packages() -> dict[str, set[str]]:
    """The project's packages, and the extras of each."""
    found = {}
    for path in ROOT.glob("packages/*/pyproject.toml"):
        project = tomllib.loads(path.read_text())["project"]
        found[project["name"]] = set(project.get("optional-dependencies", {}))
    return found


def commands(page: Path) -> list[list[str]]:
    """The commands in the page's shell blocks, without variables set before them."""
    lines = [
        line
        for block in fenced_blocks(page.read_text())
        if block.language in SHELL and not block.title
        for line in block.code.splitlines()
    ]
    split = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
    for words in split:
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            del words[0]
    return [words for words in split if words]


def wrong_with(words: list[str], written: set[str]) -> str | None:
    """What is wrong with a command, if anything is. `written`: files that the page writes."""
    command, *arguments = words
    if command not in KNOWN:
        return f"{command} is not a command that these pages use"
    if command == "python3" and arguments[0] == "hatchw":
        return None if arguments[2] in hatch_scripts() else f"hatch.toml has no {arguments[2]}"
    if command == "python3" and arguments[0].endswith(".py"):
        there = arguments[0] in written or (ROOT / arguments[0]).is_file()
        return None if there else f"there is no file {arguments[0]}"
    if command == "pip":
        return wrong_with_install(arguments[1])
    if command == "pywren":
        return None if arguments[0] in pywren_arguments() else f"pywren has no {arguments[0]}"
    return None


def wrong_with_install(what: str) -> str | None:
    if what.startswith("./"):
        return None if (ROOT / what / "pyproject.toml").is_file() else f"nothing to install: {what}"
    name, _, extra = what.rstrip("]").partition("[")
    if name not in packages():
        return f"{name} is not a package of this project"
    return None if not extra or extra in packages()[name] else f"{name} has no extra {extra}"


def pywren_arguments() -> set[str]:
    from pywren_cli import main

    names = set(getattr(main, "commands", {})) | {"--help"}
    return names.union(*(parameter.opts for parameter in main.params))


@everywhere
def test_the_commands_of_a_page_exist(page: Path) -> None:
    written = {block.title for block in fenced_blocks(page.read_text()) if block.title}
    assert [problem for words in commands(page) if (problem := wrong_with(words, written))] == []


@everywhere
def test_scripts_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"hatchw run ([a-z][\w:-]*)", page.read_text())
    assert set(named) <= set(hatch_scripts())


@pytest.mark.parametrize(
    "command",
    [
        "python3 hatchw run nothing",
        "python3 examples/nothing.py",
        "pip install pywren-nothing",
        "pip install pywren-cli[nothing]",
        "pip install ./packages/nothing",
        "pywren nothing",
        "nothing --help",
    ],
)
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    assert "nothing" in str(wrong_with(shlex.split(command), set()))


def test_the_scripts_of_the_readme_run_files_that_exist() -> None:
    scripts = hatch_scripts()
    for name in ("demo", "check"):
        assert f"python3 hatchw run {name}" in (ROOT / "README.md").read_text()
        words = shlex.split(scripts[name]) if isinstance(scripts[name], str) else []
        assert [word for word in words if word.endswith(".py") and not (ROOT / word).exists()] == []
