"""What S3 and the network do on bad days, and what the store makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faulty_proxy import CUT_BODY, LOSE_REPLY, PASS, FaultyProxy, Refuse
from pywren.errors import IntegrityError, StorageError, StorageKeyError, StoragePermissionError
from pywren.protocol import Outcome
from pywren.store import Store, open_store
from pywren.store.commit import commit_outcome
from servers import S3Server

CONFLICT = Refuse(409, "ConditionalRequestConflict")
SLOW_DOWN = Refuse(503, "SlowDown")


@pytest.fixture
def proxy(ministack: S3Server) -> Iterator[FaultyProxy]:
    with FaultyProxy(ministack.endpoint_url).running() as proxy:
        yield proxy


@pytest.fixture
def store(ministack: S3Server, proxy: FaultyProxy) -> Iterator[Store]:
    options = ministack.options | {"endpoint_url": proxy.endpoint_url}
    with open_store(ministack.fresh_url(), **options, max_retries=2) as store:
        yield store


def test_a_busy_store_is_asked_again(store: Store, proxy: FaultyProxy) -> None:
    proxy.plan = [SLOW_DOWN, PASS, SLOW_DOWN, SLOW_DOWN, PASS, SLOW_DOWN]
    store.put("key", b"value")
    assert bytes(store.get("key")) == b"value"
    assert store.create("other", b"x") is True


def test_a_store_that_stays_busy_is_an_error_after_a_bounded_number_of_tries(
    store: Store, proxy: FaultyProxy
) -> None:
    proxy.plan = [SLOW_DOWN] * 100
    with pytest.raises(StorageError, match=r"put 'key' in s3://.*busy.*all retries"):
        store.put("key", b"value")
    assert len(proxy.seen) == 3


def test_a_conditional_write_that_met_another_is_sent_again(
    store: Store, proxy: FaultyProxy
) -> None:
    proxy.plan = [CONFLICT, CONFLICT]
    assert store.create("key", b"value") is True
    assert bytes(store.get("key")) == b"value"


def test_conflicts_without_end_are_an_error_and_not_a_taken_key(
    store: Store, proxy: FaultyProxy
) -> None:
    proxy.plan = [CONFLICT] * 100
    with pytest.raises(StorageError, match="ConditionalRequestConflict"):
        store.create("key", b"value")
    assert len(proxy.seen) == 4


def test_a_lost_reply_to_a_create_looks_taken_and_commits_as_ones_own(
    store: Store, proxy: FaultyProxy, outcome: Outcome
) -> None:
    proxy.plan = [LOSE_REPLY]
    assert store.create("key", b"value") is False
    assert bytes(store.get("key")) == b"value"
    proxy.plan = [LOSE_REPLY]
    assert commit_outcome(store, outcome, b"k" * 32) == outcome


def test_a_lost_reply_to_a_put_or_delete_goes_unnoticed(store: Store, proxy: FaultyProxy) -> None:
    proxy.plan = [LOSE_REPLY]
    store.put("key", b"value")
    assert bytes(store.get("key")) == b"value"


def test_a_body_that_breaks_off_is_read_again(store: Store, proxy: FaultyProxy) -> None:
    store.put("key", bytes(range(256)) * 1000)
    proxy.plan = [CUT_BODY]
    assert bytes(store.get("key")) == bytes(range(256)) * 1000
    proxy.plan = [CUT_BODY]
    assert bytes(store.get("key", offset=256, size_bytes=512)) == bytes(range(256)) * 2


def test_a_body_that_always_breaks_off_is_an_error(store: Store, proxy: FaultyProxy) -> None:
    store.put("key", b"0123456789")
    proxy.plan = [CUT_BODY] * 100
    with pytest.raises(StorageError, match="get 'key'"):
        store.get("key")
    assert len(proxy.seen) < 30


def test_a_page_of_a_listing_that_breaks_off_is_asked_for_again(
    store: Store, proxy: FaultyProxy
) -> None:
    keys = [f"many/{number:05d}" for number in range(1100)]
    for key in keys:
        store.put(key, b"")
    proxy.plan = [CUT_BODY, PASS, CUT_BODY, LOSE_REPLY, SLOW_DOWN]
    assert [entry.key for page in store.list("many") for entry in page] == keys
    assert not proxy.plan


def test_a_listing_that_always_breaks_off_is_an_error(store: Store, proxy: FaultyProxy) -> None:
    store.put("a/b", b"")
    proxy.plan = [CUT_BODY] * 100
    with pytest.raises(StorageError, match="list 'a'"):
        list(store.list("a"))


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [
        (Refuse(403, "AccessDenied"), "lack s3:PutObject"),
        (Refuse(400, "ExpiredToken"), "expired: renew them"),
        (Refuse(403, "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
        (Refuse(403, "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
        (Refuse(403, "RequestTimeTooSkewed"), "clock"),
    ],
)
def test_a_refusal_is_reported_at_once_with_what_to_do(
    refusal: Refuse, advice: str, store: Store, proxy: FaultyProxy
) -> None:
    proxy.plan = [refusal] * 100
    with pytest.raises(StoragePermissionError, match=rf"put 'key' in s3://.*{advice}") as caught:
        store.put("key", b"value")
    assert proxy.seen == ["PUT"]
    assert caught.value.__cause__ is not None


def test_each_action_that_is_denied_is_named(store: Store, proxy: FaultyProxy) -> None:
    actions = {
        "s3:GetObject": lambda: store.get("key"),
        "s3:ListBucket": lambda: list(store.list("key")),
        "s3:DeleteObject": lambda: store.delete(["key"]),
        "s3:PutObject": lambda: store.create("key", b""),
    }
    for action, act in actions.items():
        proxy.plan = [Refuse(403, "AccessDenied")]
        with pytest.raises(StoragePermissionError, match=action):
            act()


def test_a_missing_bucket_is_not_a_missing_key(s3_server: S3Server) -> None:
    store = open_store("s3://no-such-bucket-here/prefix", **s3_server.options)
    for act in (
        lambda: store.get("key"),
        lambda: store.put("key", b""),
        lambda: list(store.list()),
    ):
        with pytest.raises(StorageError, match="no such bucket: create it") as caught:
            act()
        assert not isinstance(caught.value, StorageKeyError | IntegrityError)


def test_wrong_credentials_are_reported_without_showing_them(seaweedfs: S3Server) -> None:
    secret = "a-very-secret-key"
    options = seaweedfs.options | {"secret_access_key": secret}
    store = open_store(seaweedfs.fresh_url(), **options)
    with pytest.raises(StoragePermissionError) as caught:
        store.put("key", b"")
    assert secret not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_server_that_is_not_there_is_an_error_after_bounded_retries() -> None:
    store = open_store(
        "s3://bucket/prefix",
        endpoint_url="http://127.0.0.1:9",  # discard: nobody listens
        access_key_id="a",
        secret_access_key="b",
        max_retries=1,
    )
    for act in (lambda: store.get("key"), lambda: store.create("key", b"")):
        with pytest.raises(StorageError, match="could not be used"):
            act()
