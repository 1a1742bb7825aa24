"""What each broken configuration is told, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pywren.config import Config, S3Settings, load_config
from pywren.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_BUCKET = "the name of your own bucket, without s3:// and slashes"
_STORE = "the URL of a store (s3://bucket/prefix, file:///directory or memory://)"
_SECTIONS = "account, lambda, s3, runtime, scheduler, standalone, storage"


def _error(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load_config(environ={"PYWREN_CONFIG_FILE": str(path)}, home=path.parent, cwd=path.parent)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "scheduler: {map_item_limit: many}",
            (
                "scheduler.map_item_limit: expected an integer above 0, found "
                '"many" (a string); write for example map_item_limit: 10000'
            ),
        ),
        (
            "scheduler: {map_item_limit: 0}",
            (
                "scheduler.map_item_limit: expected an integer above 0, found 0 (an integer); "
                "write for example map_item_limit: 10000"
            ),
        ),
        (
            "scheduler: {map_item_limit: true}",
            (
                "scheduler.map_item_limit: expected an integer above 0, found true (a boolean); "
                "write for example map_item_limit: 10000"
            ),
        ),
        (
            "scheduler: {map_item_limit: [1, 2]}",
            (
                "scheduler.map_item_limit: expected an integer above 0, found a list; "
                "write for example map_item_limit: 10000"
            ),
        ),
        (
            "lambda: {memory: 64}",
            (
                "lambda.memory: expected an integer of MB, 128 to 10240, found 64 (an integer); "
                "write for example memory: 1536"
            ),
        ),
        (
            "lambda: {timeout: 2.5}",
            (
                "lambda.timeout: expected whole seconds, 1 to 900, found 2.5 (a number); "
                "write for example timeout: 300"
            ),
        ),
        (
            "lambda: {architecture: sparc}",
            (
                'lambda.architecture: expected "x86_64" or "arm64", found "sparc" (a string); '
                'write for example architecture: "arm64"'
            ),
        ),
        (
            "account: {aws_account_id: 012345670123}",
            (
                "account.aws_account_id: expected the 12 digits of an account id, in quotes, found "
                '1402433619 (an integer); write for example aws_account_id: "123456789012"'
            ),
        ),
        (
            "account: {aws_region: 2024-01-31}",
            (
                "account.aws_region: expected an AWS region, found a value of type date; "
                'write for example aws_region: "us-west-2"'
            ),
        ),
        (
            "s3: {bucket: BUCKET_NAME}",
            (
                f's3.bucket: expected {_BUCKET}, found "BUCKET_NAME" (a string); '
                'write for example bucket: "my-bucket"'
            ),
        ),
        (
            "s3: {bucket: 's3://mine'}",
            (
                f's3.bucket: expected {_BUCKET}, found "s3://mine" (a string); '
                'write for example bucket: "my-bucket"'
            ),
        ),
        (
            "storage: {url: my-bucket}",
            (
                f'storage.url: expected {_STORE}, found "my-bucket" (a string); '
                'write for example url: "s3://my-bucket/pywren.jobs"'
            ),
        ),
        (
            f"scheduler: {{map_item_limit: -0x{'f' * 5000}}}",
            (
                "scheduler.map_item_limit: expected an integer above 0, found "
                "an integer of 20000 bits; write for example map_item_limit: 10000"
            ),
        ),
        (
            f"lambda: {{architecture: {'x' * 500}}}",
            (
                f'lambda.architecture: expected "x86_64" or "arm64", found "{"x" * 60}..." '
                '(a string); write for example architecture: "arm64"'
            ),
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(
    tmp_path: Path, content: str, message: str
) -> None:
    assert _error(tmp_path / "config", content) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("s3: {buckt: mine}", "s3.buckt: unknown setting; did you mean s3.bucket?"),
        ("lambda: {Memory: 512}", "lambda.Memory: unknown setting; did you mean lambda.memory?"),
        (
            "lambda: {map_item_limit: 5}",
            "lambda.map_item_limit: unknown setting; did you mean scheduler.map_item_limit?",
        ),
        (
            "s3: {colour: red}",
            "s3.colour: unknown setting; expected one of bucket, pywren_prefix",
        ),
        ("s3: {3: red}", "s3.3: unknown setting; expected one of bucket, pywren_prefix"),
        ("lamda: {memory: 512}", "lamda: unknown section; did you mean lambda?"),
        ("lambda_: {memory: 512}", "lambda_: unknown section; did you mean lambda?"),
        ("memory: 512", "memory: unknown section; did you mean lambda.memory?"),
        ("source: /etc/passwd", "source: unknown section; did you mean storage?"),
        ("colour: red", f"colour: unknown section; expected one of {_SECTIONS}"),
        ("true: 1", f"True: unknown section; expected one of {_SECTIONS}"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_right_one(
    tmp_path: Path, content: str, message: str
) -> None:
    assert _error(tmp_path / "config", content) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "- s3\n- lambda",
            (
                "expected sections with settings, found a list; "
                "write for example s3: {bucket: my-bucket}"
            ),
        ),
        (
            "just text",
            (
                "expected sections with settings, found a string; "
                "write for example s3: {bucket: my-bucket}"
            ),
        ),
        (
            "s3: mine",
            "s3: expected settings by name, found a string; write for example s3: {field: value}",
        ),
        (
            "s3:\n\tbucket: mine",
            (
                "line 2, column 1: expected YAML, found: "
                "found character '\\t' that cannot start any token"
            ),
        ),
        (
            "s3: {bucket: mine",
            "line 1, column 18: expected YAML, found: expected ',' or '}', but got '<stream end>'",
        ),
        (
            "s3:\n  bucket: one: two",
            "line 2, column 14: expected YAML, found: mapping values are not allowed here",
        ),
        (
            "s3:\n  bucket: one\n  bucket: two",
            "line 3, column 3: expected YAML, found: a second bucket, the first is in line 2",
        ),
        (
            "s3: {}\nlambda: {}\ns3: {}",
            "line 3, column 1: expected YAML, found: a second s3, the first is in line 1",
        ),
        (
            "s3: {}\naccount:\n  aws_region: 2024-13-45",
            (
                "line 3, column 15: expected YAML, found: a value that its form doesn't allow "
                "(put it in quotes if it is text)"
            ),
        ),
        (
            "s3: !!python/object/apply:os.system [ls]",
            (
                "line 1, column 5: expected YAML, found: could not determine a constructor for "
                "the tag 'tag:yaml.org,2002:python/object/apply:os.system'"
            ),
        ),
        (
            "s3: \x00",
            (
                "expected YAML, found: unacceptable character #x0000: special characters are "
                "not allowed"
            ),
        ),
        ("[" * 100_000, "expected YAML, found: nested too deeply"),
        (
            b"s3: {bucket: caf\xe9}",
            "expected UTF-8 text, found the byte 0xe9 at offset 16; save the file as UTF-8",
        ),
        (
            b"#" * 1_000_001,
            (
                "expected a configuration file of at most 1000000 bytes, found more; "
                "is it the right file?"
            ),
        ),
    ],
)
def test_a_file_that_holds_no_settings_says_where_it_breaks(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    assert _error(tmp_path / "config", content) == message


@pytest.mark.parametrize(
    "content",
    [
        "standalone: {ec2_ssh_key: [HIDDEN]}",
        "runtime: {s3_key: {a: HIDDEN}}",
        "s3: {secret_access_key: HIDDEN}",
        "HIDDEN",
        "s3: HIDDEN",
        "storage: {url: 'S3://key:HIDDEN@bucket'}",
        "s3: {bucket: HIDDEN",
        "s3: {bucket: !!int HIDDEN}",
        "s3:\n\tbucket: HIDDEN",
    ],
)
def test_what_may_be_secret_is_never_repeated(tmp_path: Path, content: str) -> None:
    assert "HIDDEN" not in _error(tmp_path / "config", content)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"scheduler": {"map_item_limit": "many"}},
            (
                "config argument: scheduler.map_item_limit: expected an integer above 0, found "
                '"many" (a string); write for example map_item_limit: 10000'
            ),
        ),
        (
            {"s3": {"buckt": "mine"}},
            "config argument: s3.buckt: unknown setting; did you mean s3.bucket?",
        ),
        (
            "~/.pywren_config",
            (
                "config argument: expected sections with settings, found a string; "
                "write for example s3: {bucket: my-bucket}"
            ),
        ),
        (
            Config(s3=S3Settings(bucket="s3://mine")),
            (
                f'config argument: s3.bucket: expected {_BUCKET}, found "s3://mine" (a string); '
                'write for example bucket: "my-bucket"'
            ),
        ),
    ],
)
def test_an_override_is_checked_like_a_file(tmp_path: Path, overrides: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(overrides, environ={}, home=tmp_path, cwd=tmp_path)
    assert str(caught.value) == message


def test_a_broken_file_is_told_even_where_an_override_hides_the_setting(tmp_path: Path) -> None:
    (tmp_path / ".pywren_config").write_text("lambda: {memory: lots}")
    with pytest.raises(ConfigError, match=r"lambda\.memory: expected an integer of MB"):
        load_config({"lambda": {"memory": 512}}, environ={}, home=tmp_path, cwd=tmp_path)
