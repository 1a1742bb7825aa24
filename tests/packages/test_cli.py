from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points, metadata, version

from click.testing import CliRunner

import pywren_cli
from pywren_cli.versions import installed_versions


def test_the_command_is_installed_as_pywren() -> None:
    (found,) = entry_points(group="console_scripts", name="pywren")
    assert found.load() is pywren_cli.main


def test_version_tells_every_installed_package_core_first() -> None:
    shown = CliRunner().invoke(pywren_cli.main, ["--version"])
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert lines[0] == f"pywren-core {version('pywren-core')}"
    assert lines[-1] == f"pywren-cli {version('pywren-cli')}"
    assert lines == [f"{name} {found}" for name, found in installed_versions()]


def test_help_tells_what_the_command_is_for() -> None:
    shown = CliRunner().invoke(pywren_cli.main, ["--help"])
    assert shown.exit_code == 0
    assert "Run Python functions over data on many workers." in shown.output
    assert "--version" in shown.output


def test_an_unknown_command_is_refused_by_name() -> None:
    refused = CliRunner().invoke(pywren_cli.main, ["nonsense"])
    assert refused.exit_code == 2
    assert "No such command 'nonsense'" in refused.output


def test_the_command_runs_in_a_process_of_its_own() -> None:
    program = "import sys, pywren_cli; sys.argv[0] = 'pywren'; pywren_cli.main()"
    command = [sys.executable, "-W", "error", "-c", program, "--version"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert f"pywren-cli {version('pywren-cli')}" in done.stdout.splitlines()


def test_each_backend_can_be_had_as_an_extra() -> None:
    extras = metadata("pywren-cli").get_all("Provides-Extra")
    assert extras == ["all", "lambda", "standalone"]
