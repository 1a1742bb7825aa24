"""A URL becomes a store, or an error that says what would have worked."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from pywren.errors import ConfigError, StoragePermissionError
from pywren.protocol import CallsetSpec, OutcomeRef
from pywren.store import open_store
from pywren.store.s3 import S3Options, s3_config
from servers import S3Server


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("gopher://x/y", "file://, memory://, s3://"),
        ("/just/a/path", "file://, memory://, s3://"),
        ("", "file://, memory://, s3://"),
        ("file://relative/path", "three slashes"),
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
        ("s3://bucket/../other", "segment '..'"),
    ],
)
def test_a_url_that_cannot_work_says_what_would(url: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert says in str(caught.value)


def test_an_unknown_or_wrong_option_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError, match=r"conect_timeout.*connect_timeout"):
        open_store("s3://bucket", conect_timeout=1)
    with pytest.raises(ConfigError, match="read_timeout"):
        open_store("s3://bucket", read_timeout="long")
    for url in ("memory://a", "file:///a"):
        with pytest.raises(ConfigError, match="no options, found region"):
            open_store(url, region="x")


def test_one_memory_url_is_one_store() -> None:
    url = f"memory://{uuid.uuid4().hex}"
    open_store(url).put("key", b"value")
    assert bytes(open_store(url + "/").get("key")) == b"value"
    assert open_store(url + "x").size_bytes("key") is None


def test_a_stores_url_opens_the_same_store_again(tmp_path: Path, ministack: S3Server) -> None:
    for url, options in (
        ((tmp_path / "with space % and é").as_uri(), {}),
        (f"memory://{uuid.uuid4().hex}", {}),
        (ministack.fresh_url() + "/deeper/", ministack.options),
    ):
        store = open_store(url, **options)
        store.put("key", b"value")
        assert bytes(open_store(store.url, **options).get("key")) == b"value"


def test_a_file_stores_folder_is_made_by_the_first_put_alone(tmp_path: Path) -> None:
    store = open_store((tmp_path / "folder").as_uri())
    assert list(store.list()) == []
    assert not (tmp_path / "folder").exists()
    store.put("a/b", b"x")
    assert store.local_path("a/b") == tmp_path / "folder" / "a" / "b"


@pytest.mark.parametrize("url", ["file:///a/run#3", "file:///a?b", "s3://bucket/p?region=x"])
def test_no_part_of_a_url_is_ignored(url: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(repr(url))):
        open_store(url)


@pytest.mark.parametrize("scheme", ["s3", "file", "https"])
def test_credentials_in_a_url_are_refused_and_not_repeated(scheme: str) -> None:
    with pytest.raises(ConfigError, match="no password in it") as caught:
        open_store(f"{scheme}://someone:hunter2@bucket/prefix")
    assert "hunter2" not in str(caught.value)


def test_s3_keys_are_below_the_prefix(s3_server: S3Server) -> None:
    url = s3_server.fresh_url()
    open_store(f"{url}/deep/er", **s3_server.options).put("key", b"value")
    outer = open_store(url, **s3_server.options)
    assert [entry.key for page in outer.list() for entry in page] == ["deep/er/key"]


def test_the_environment_says_where_s3_is_and_who_asks(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environ.items():
        monkeypatch.setenv(name, value)
    store = open_store(s3_server.fresh_url())
    store.put("key", b"value")
    assert store.size_bytes("key") == 5


def test_profiles_are_read_where_boto3_is_installed(
    seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(
        "[wrong]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n"
        "[right]\naws_access_key_id = testing\naws_secret_access_key = testing\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_ENDPOINT_URL", seaweedfs.endpoint_url)
    monkeypatch.setenv("AWS_PROFILE", "right")
    open_store(seaweedfs.fresh_url()).put("key", b"")
    monkeypatch.setenv("AWS_PROFILE", "wrong")
    with pytest.raises(StoragePermissionError):
        open_store(seaweedfs.fresh_url()).put("key", b"")
    monkeypatch.setenv("AWS_PROFILE", "absent")
    with pytest.raises(ConfigError, match="absent"):
        open_store(seaweedfs.fresh_url())


def test_no_credentials_at_all_say_how_to_get_some(
    seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", seaweedfs.endpoint_url)
    with pytest.raises(ConfigError, match=r"no AWS credentials.*AWS_ACCESS_KEY_ID.*aws configure"):
        open_store(seaweedfs.fresh_url())


def test_the_endpoint_of_s3_goes_before_the_endpoint_of_all() -> None:
    environ = {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": "http://s3"}
    assert s3_config(S3Options(), environ) == {"endpoint": "http://s3"}
    settings = S3Options(endpoint_url="http://mine", region="eu-west-1")
    assert s3_config(settings, environ) == {"endpoint": "http://mine", "region": "eu-west-1"}
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        assert s3_config(S3Options(), {name: "eu-north-1"}) == {"region": "eu-north-1"}


def test_importing_the_store_loads_neither_obstore_nor_boto3() -> None:
    assert loaded_by("import pywren.store, pywren.store.commit") == []


def test_a_file_store_needs_neither_obstore_nor_boto3(tmp_path: Path) -> None:
    use = f"from pywren.store import open_store; open_store({tmp_path.as_uri()!r}).put('k', b'')"
    assert loaded_by(use) == []


def test_credentials_in_the_environment_keep_boto3_away(ministack: S3Server) -> None:
    use = (
        f"from pywren.store import open_store; open_store({ministack.fresh_url()!r}).put('k', b'')"
    )
    assert loaded_by(use, ministack.environ) == ["obstore"]


def test_a_forked_child_is_told_instead_of_waiting_for_ever(ministack: S3Server) -> None:
    script = """
import os, sys
from pywren.errors import StorageError
from pywren.store import open_store
store = open_store(sys.argv[1])
store.put("key", b"")
if os.fork() == 0:
    try:
        open_store(sys.argv[1]).get("key")
    except StorageError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, ministack.fresh_url()],
        env={"PYTHONPATH": ":".join(sys.path)} | ministack.environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "was forked from" in done.stdout


def loaded_by(statement: str, environ: dict[str, str] | None = None) -> list[str]:
    """Which of the heavy packages a fresh process has loaded after the statement."""
    heavy = "sorted({name.partition('.')[0] for name in sys.modules} & {'obstore', 'boto3', 'botocore'})"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {statement}; print(*{heavy})"],
        env={"PYTHONPATH": ":".join(sys.path)} | (environ or {}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()


def test_no_record_shows_a_secret() -> None:
    secret = "hunter2"
    records = (
        S3Options(access_key_id=secret, secret_access_key=secret, session_token=secret),
        CallsetSpec(
            callset_id="c0ffee",
            function="",
            timeout=1,
            signing_key=secret.encode(),
            env={"PASSWORD": secret},
        ),
        OutcomeRef("memory://x", "c0ffee", "00000", secret.encode()),
    )
    assert secret not in repr(records)
