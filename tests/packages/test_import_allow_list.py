"""What `import` may import: a slow import is paid by every worker and every command."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LIST_TOP_LEVEL_MODULES = """
import json, sys
before = set(sys.modules)
import {module}
print(json.dumps(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
"""


def imported_by(module: str) -> set[str]:
    command = [sys.executable, "-I", "-c", LIST_TOP_LEVEL_MODULES.format(module=module)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return set(json.loads(done.stdout))


def third_party(modules: set[str]) -> set[str]:
    return {name for name in modules if name not in sys.stdlib_module_names}


def test_importing_pywren_imports_nothing_beyond_the_standard_library() -> None:
    assert third_party(imported_by("pywren")) == {"pywren"}


# `import pywren` hands its names out on first use, so each home is looked at as well.
@pytest.mark.parametrize(
    "module",
    ["pywren.errors", "pywren.executor", "pywren.factories", "pywren.futures", "pywren.runner"],
)
def test_the_parts_of_pywren_import_only_what_is_light(module: str) -> None:
    # msgspec takes typing_extensions where it is installed.
    allowed = {"pywren", "msgspec", "cloudpickle", "typing_extensions"}
    assert third_party(imported_by(module)) <= allowed


@pytest.mark.parametrize("module", ["pywren_lambda", "pywren_standalone"])
def test_importing_a_backend_leaves_boto3_and_click_alone(module: str) -> None:
    assert third_party(imported_by(module)) <= {module, "pywren"}


def test_importing_the_command_brings_click_and_no_backend() -> None:
    assert third_party(imported_by("pywren_cli")) <= {"pywren_cli", "pywren", "click"}
