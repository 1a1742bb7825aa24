"""What a configuration means: defaults, overrides, old files, and values of every kind."""

from __future__ import annotations

import logging
import pickle
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

import pywren.config
from pywren.config import (
    Config,
    LambdaSettings,
    S3Settings,
    StandaloneSettings,
    StorageSettings,
    load_config,
    store_url,
)
from pywren.config._schema import RETIRED, SECTIONS
from pywren.errors import ConfigError

# As the setup of PyWren 0.4 wrote it.
_OLD_FILE = """
account:
    aws_account_id: 783175685819
    aws_lambda_role: pywren_exec_role_1
    aws_region: us-west-2
lambda:
    memory : 1536
    timeout : 300
    function_name : pywren_1
s3:
    bucket: pywren.data
    pywren_prefix: pywren.jobs
runtime:
    s3_bucket: pywren-public-us-west-2
    s3_key: pywren.runtimes/default_3.6.tar.gz
scheduler:
    map_item_limit: 10000
standalone:
    ec2_instance_type: m4.large
    sqs_queue_name: pywren-jobs-1
    visibility: 10
    ec2_ssh_key : PYWREN_DEFAULT_KEY
    target_ami : ami-8ca83fec
    instance_name: pywren-standalone
    instance_profile_name: pywren-standalone
    max_idle_time: 60
    idle_terminate_granularity: 3600
    fast_io: false
    availability_zone: us-west-2a
storage_backend: s3
storage_prefix: pywren.jobs
"""

_FIELDS = [
    (section, field.name)
    for section, record in SECTIONS.items()
    for field in structs.fields(record)
]

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"))
    | st.binary(max_size=20)
    | st.dates()
    | st.datetimes()
)
_YAML_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_SCALARS, inner, max_size=3),
    max_leaves=8,
)


def _config_or_message(folder: Path, content: bytes, overrides: Any = None) -> Config | str:
    (folder / ".pywren_config").write_bytes(content)
    try:
        return load_config(overrides, environ={}, home=folder, cwd=folder)
    except ConfigError as error:
        return str(error)


def _setting(config: Config, section: str, name: str) -> object:
    return getattr(getattr(config, "lambda_" if section == "lambda" else section), name)


def _load(folder: Path, content: str, overrides: Any = None) -> Config:
    (folder / ".pywren_config").write_text(content, encoding="utf-8")
    return load_config(overrides, environ={}, home=folder, cwd=folder)


@pytest.mark.parametrize(
    "content",
    ["", "\n", "# nothing", "---", "{}", "null", "s3:", "s3: {}\nlambda:", "\ufeff"],
)
def test_a_file_without_settings_is_no_configuration(tmp_path: Path, content: str) -> None:
    config = _load(tmp_path, content)
    assert structs.replace(config, source=None) == Config()


def test_absent_and_empty_settings_have_their_defaults(tmp_path: Path) -> None:
    config = _load(tmp_path, "lambda: {memory: , timeout: 60}\nscheduler: {map_item_limit: null}")
    assert config.lambda_ == LambdaSettings(memory=1536, timeout=60)
    assert config.scheduler.map_item_limit is None
    assert config.standalone.ec2_instance_type == "m4.4xlarge"


def test_a_file_of_pywren_0_4_still_loads(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="pywren")
    config = _load(tmp_path, _OLD_FILE)
    assert config.account.aws_account_id == "783175685819"
    assert config.lambda_.function_name == "pywren_1"
    assert config.scheduler.map_item_limit == 10000
    assert config.standalone == StandaloneSettings(
        ec2_instance_type="m4.large",
        sqs_queue_name="pywren-jobs-1",
        visibility=10,
        ec2_ssh_key="PYWREN_DEFAULT_KEY",
        target_ami="ami-8ca83fec",
        instance_name="pywren-standalone",
        instance_profile_name="pywren-standalone",
        max_idle_time=60,
        idle_terminate_granularity=3600,
    )
    assert store_url(config) == "s3://pywren.data/pywren.jobs"
    source = tmp_path / ".pywren_config"
    assert [record.getMessage() for record in caplog.records] == [
        f"{source}: {name} is not used any more and has no effect"
        for name in ("fast_io", "availability_zone", "storage_backend", "storage_prefix")
    ]


@pytest.mark.parametrize("written", ["012345678901", "'012345670123'", "123456789012"])
def test_an_account_id_keeps_its_digits(tmp_path: Path, written: str) -> None:
    config = _load(tmp_path, f"account: {{aws_account_id: {written}}}")
    assert config.account.aws_account_id == written.strip("'")


def test_overrides_hide_single_fields_of_the_file(tmp_path: Path) -> None:
    content = "lambda: {memory: 512, timeout: 60}\ns3: {bucket: mine}"
    config = _load(tmp_path, content, {"lambda": {"memory": 3008}, "storage": {"url": "memory://"}})
    assert config.lambda_ == LambdaSettings(memory=3008, timeout=60)
    assert config.s3.bucket == "mine"
    assert config.storage.url == "memory://"
    assert config.source == str(tmp_path / ".pywren_config")


def test_none_takes_back_what_the_file_says(tmp_path: Path) -> None:
    content = "scheduler: {map_item_limit: 5}\nlambda: {memory: 512}\ns3: {bucket: mine}"
    overrides = {"scheduler": {"map_item_limit": None}, "lambda": {"memory": None}, "s3": None}
    assert structs.replace(_load(tmp_path, content, overrides), source=None) == Config()


def test_a_config_is_complete_and_no_file_is_read(tmp_path: Path) -> None:
    own = Config(lambda_=LambdaSettings(memory=1536), source="elsewhere")
    assert _load(tmp_path, "lambda: {memory: 512}\nbroken: [", own) == own


def test_overrides_are_left_as_they_were(tmp_path: Path) -> None:
    overrides = {"account": {"aws_account_id": 123456789012, "aws_region": None}}
    _load(tmp_path, "", overrides)
    assert overrides == {"account": {"aws_account_id": 123456789012, "aws_region": None}}


def test_a_config_can_be_pickled_and_not_changed(tmp_path: Path) -> None:
    config = _load(tmp_path, _OLD_FILE)
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(AttributeError):
        config.source = None  # type: ignore[misc]


@pytest.mark.parametrize(
    ("config", "url"),
    [
        (Config(), None),
        (Config(s3=S3Settings(bucket="mine")), "s3://mine/pywren.jobs"),
        (Config(s3=S3Settings(bucket="mine", pywren_prefix="/a/b/")), "s3://mine/a/b"),
        (Config(s3=S3Settings(pywren_prefix="alone")), None),
        (
            Config(s3=S3Settings(bucket="mine"), storage=StorageSettings(url="file:///data")),
            "file:///data",
        ),
    ],
)
def test_the_store_is_the_url_else_the_bucket(config: Config, url: str | None) -> None:
    assert store_url(config) == url


def test_the_sections_are_those_of_config() -> None:
    names = [field.encode_name for field in structs.fields(Config)]
    assert names == [*SECTIONS, "source"]


def test_every_setting_has_an_example_that_loads() -> None:
    for section, name in _FIELDS:
        meta = pywren.config._check._meta(pywren.config._check._fields(section)[name].type)
        assert meta.description
        assert meta.examples
        settings = {section: {name: meta.examples[0]}}
        config = load_config(settings, environ={}, home="/nonexistent", cwd="/nonexistent")
        assert _setting(config, section, name) == meta.examples[0]


def test_no_retired_setting_is_in_use() -> None:
    assert not RETIRED & {*_FIELDS, *(("", section) for section in SECTIONS)}


def test_the_public_names_are_sorted_and_there() -> None:
    assert sorted(pywren.config.__all__) == pywren.config.__all__
    assert all(hasattr(pywren.config, name) for name in pywren.config.__all__)


@settings(deadline=None)
@given(st.sampled_from(_FIELDS), _YAML_VALUES)
def test_any_yaml_value_in_any_field_loads_or_is_named(field: tuple[str, str], value: Any) -> None:
    section, name = field
    text = yaml.safe_dump({section: {name: value}}, allow_unicode=True)
    with tempfile.TemporaryDirectory() as folder:
        loaded = _config_or_message(Path(folder), text.encode())
        path = Path(folder) / ".pywren_config"
    if isinstance(loaded, str):
        # What YAML itself refuses (two equal keys, say) is told by line, not by field.
        assert loaded.startswith((f"{path}: {section}.{name}: ", f"{path}: line "))
    elif value is not None:
        assert str(_setting(loaded, section, name)) == str(value)


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8")) | st.binary())
def test_any_file_at_all_loads_or_is_named(content: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw = content if isinstance(content, bytes) else content.encode()
        loaded = _config_or_message(Path(folder), raw)
        assert isinstance(loaded, Config) or loaded.startswith(f"{folder}/.pywren_config: ")


@settings(deadline=None)
@given(_YAML_VALUES | st.dictionaries(st.sampled_from([*SECTIONS]), _YAML_VALUES))
def test_any_value_as_config_argument_loads_or_is_named(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        loaded = _config_or_message(Path(folder), b"", value)
    assert isinstance(loaded, Config) or loaded.startswith("config argument: ")
