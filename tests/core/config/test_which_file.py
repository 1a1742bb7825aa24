"""Which file is read, which is only pointed out, and what becomes of one that can't be read."""

from __future__ import annotations

import errno
import logging
import os
from typing import TYPE_CHECKING

import pytest

from pywren.config import Config, config_path, load_config
from pywren.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "at-home"
    folder.mkdir()
    (folder / ".pywren_config").write_text("s3: {bucket: from-home}")
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "at-work"
    folder.mkdir()
    return folder


def test_without_a_file_every_setting_is_absent_or_its_default(here: Path) -> None:
    assert load_config(environ={}, home=here, cwd=here) == Config()


def test_the_file_in_the_home_directory_is_read(home: Path, here: Path) -> None:
    config = load_config(environ={}, home=home, cwd=here)
    assert config.s3.bucket == "from-home"
    assert config.source == str(home / ".pywren_config")


def test_the_named_file_goes_before_the_one_at_home(home: Path, here: Path) -> None:
    (here / "named.yaml").write_text("s3: {bucket: from-name}")
    environ = {"PYWREN_CONFIG_FILE": str(here / "named.yaml")}
    assert load_config(environ=environ, home=home, cwd=here).s3.bucket == "from-name"


def test_a_relative_name_is_relative_to_the_current_directory(home: Path, here: Path) -> None:
    (here / "named.yaml").write_text("s3: {bucket: from-name}")
    environ = {"PYWREN_CONFIG_FILE": "named.yaml"}
    assert load_config(environ=environ, home=home, cwd=here).s3.bucket == "from-name"


def test_a_name_may_begin_with_the_home_directory(home: Path, here: Path) -> None:
    environ = {"PYWREN_CONFIG_FILE": "~/.pywren_config"}
    assert config_path(environ=environ, home=home, cwd=here) == str(home / ".pywren_config")


def test_an_empty_name_counts_as_none(home: Path, here: Path) -> None:
    environ = {"PYWREN_CONFIG_FILE": ""}
    assert config_path(environ=environ, home=home, cwd=here) == str(home / ".pywren_config")


def test_the_process_itself_is_asked_by_default(
    home: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("PYWREN_CONFIG_FILE", raising=False)
    monkeypatch.chdir(here)
    assert load_config().s3.bucket == "from-home"


def test_a_file_in_the_current_directory_is_pointed_out_once_and_not_read(
    home: Path, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (here / ".pywren_config").write_text("s3: {bucket: from-a-stranger}")
    for _ in range(3):
        assert load_config(environ={}, home=home, cwd=here).s3.bucket == "from-home"
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"found ./.pywren_config in {here}, which is not read by itself, as it may be somebody "
        "else's; set PYWREN_CONFIG_FILE=./.pywren_config to use it"
    )


def test_a_chosen_file_in_the_current_directory_is_read_without_a_word(
    home: Path, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (here / ".pywren_config").write_text("s3: {bucket: from-here}")
    environ = {"PYWREN_CONFIG_FILE": "./.pywren_config"}
    assert load_config(environ=environ, home=home, cwd=here).s3.bucket == "from-here"
    assert not caplog.records


def test_working_in_the_home_directory_is_no_reason_to_warn(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_config(environ={}, home=home, cwd=home).s3.bucket == "from-home"
    assert not caplog.records


def test_a_deleted_current_directory_does_no_harm(
    home: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    here.rmdir()
    assert load_config(environ={}, home=home).s3.bucket == "from-home"


def test_a_named_file_that_is_missing_is_an_error(home: Path, here: Path) -> None:
    missing = str(here / "missing")
    with pytest.raises(ConfigError) as caught:
        load_config(environ={"PYWREN_CONFIG_FILE": missing}, home=home, cwd=here)
    assert str(caught.value) == (
        f"{missing}: expected a configuration file, found none; "
        "create it, or change or unset PYWREN_CONFIG_FILE"
    )


def test_a_directory_is_not_a_configuration(home: Path, here: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(environ={"PYWREN_CONFIG_FILE": str(here)}, home=home, cwd=here)
    assert str(caught.value) == (
        f"{here}: expected a configuration file, found a directory; name the file in it"
    )


def test_a_file_that_cannot_be_opened_is_named_with_the_reason(here: Path) -> None:
    # A link to itself can't be opened by anybody, not even by root.
    path = here / ".pywren_config"
    path.symlink_to(path)
    with pytest.raises(ConfigError) as caught:
        load_config(environ={}, home=here, cwd=here)
    reason = os.strerror(errno.ELOOP)
    assert str(caught.value) == f"{path}: the configuration file can't be read: {reason}"


def test_a_link_at_home_that_leads_nowhere_is_not_silently_no_configuration(here: Path) -> None:
    (here / ".pywren_config").symlink_to(here / "gone")
    with pytest.raises(ConfigError, match="expected a configuration file, found none"):
        load_config(environ={}, home=here, cwd=here)


def test_a_file_that_others_may_change_is_read(home: Path, here: Path) -> None:
    (home / ".pywren_config").chmod(0o666)
    assert load_config(environ={}, home=home, cwd=here).s3.bucket == "from-home"
