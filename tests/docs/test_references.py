from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from docs.fences import ROOT, fenced_blocks, name_of, pages, prose

everywhere = pytest.mark.parametrize("page", pages(), ids=name_of)


def is_there(dotted: str) -> bool:
    """Can this be imported, or read from something that can?"""
    words = dotted.split(".")
    for count in range(len(words), 0, -1):
        try:
            found: object = importlib.import_module(".".join(words[:count]))
        except ModuleNotFoundError:
            continue
        try:
            for word in words[count:]:
                found = getattr(found, word)
        except AttributeError:
            return False
        return True
    return False


def names_in(page: Path) -> set[str]:
    """What a page calls by a full name: `pywren.something` in code quotes, and `::: name`."""
    text = prose(page.read_text())
    quoted = re.findall(r"`(pywren(?:_\w+)?(?:\.\w+)+)(?:\([^`]*)?`", text)
    documented = re.findall(r"^::: ([\w.]+)$", text, flags=re.MULTILINE)
    groups = {"pywren.executors", "pywren.calls"}  # an entry-point group and a logger
    return {*quoted, *documented} - groups


@everywhere
def test_names_of_the_library_exist(page: Path) -> None:
    assert [name for name in sorted(names_in(page)) if not is_there(name)] == []


def test_a_name_that_does_not_exist_is_found() -> None:
    assert not is_there("pywren.nothing")
    assert not is_there("pywren.config.Config.nothing_of_it")
    assert is_there("pywren.executor.Executor.map")


@everywhere
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose(page.read_text()))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_paths_that_the_architecture_names_exist() -> None:
    text = prose((ROOT / "ARCHITECTURE.md").read_text())
    core = ROOT / "packages/pywren-core/src/pywren"
    for path in re.findall(r"`([\w./-]+/[\w.-]*)`", text):
        assert (ROOT / path).exists() or (core / path).exists(), path


def test_every_part_of_core_is_on_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    core = ROOT / "packages/pywren-core/src/pywren"
    folders = {path.parent.name for path in core.glob("*/__init__.py")}
    assert [name for name in sorted(folders) if f"`{name}/`" not in text] == []


def test_every_page_of_the_site_is_in_its_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text()
    site = ROOT / "docs"
    pages_here = [path.relative_to(site).as_posix() for path in site.glob("**/*.md")]
    assert [page for page in sorted(pages_here) if f": {page}" not in menu] == []


def test_the_guide_has_every_example_of_the_contract() -> None:
    """The examples of PyWren's user guide, word for word, up to the one for EC2."""
    lines = """
        import pywren
        pwex = pywren.default_executor()
        futures = pwex.map(foo, data_list)
        futures = pwex.map(foo, data)
        dones, not_dones = wait(futures, ALL_COMPLETED)
        # not_dones should be an empty list.
        results = [f.result() for f in dones]
        results = get_all_results(futures)
    """
    page = ROOT / "docs/guide/getting-started.md"
    code = "".join(block.code for block in fenced_blocks(page.read_text()))
    for line in lines.split("\n"):
        assert f">>> {line.strip()}\n" in code or not line.strip()
