"""Opening an S3 store: where it is, who asks, how long to wait, how often to try again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pywren.errors import ConfigError
from pywren.store.keys import check_listing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

    from obstore.store import ClientConfig, RetryConfig, S3Config

    from pywren.store.remote import RemoteStore

__all__ = ["S3Options", "open_s3", "s3_config"]

_WHOLE_REQUEST: Final = "2h"  # the pauses within it are bounded by `read_timeout`


class S3Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `open_store("s3://...", ...)` takes.

    Fields:
        region, endpoint_url: in place of what the environment says.
        access_key_id, secret_access_key, session_token: in place of the credential chain.
        connect_timeout, read_timeout: seconds until a connection stands, and between two reads.
        max_retries, retry_seconds: how often, and how long in all, one request is tried again.
    """

    region: str | None = None
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    max_retries: int = 8
    retry_seconds: float = 120.0

    def __repr__(self) -> str:
        """Where, and nothing secret: tracebacks and logs show it."""
        return f"S3Options(region={self.region!r}, endpoint_url={self.endpoint_url!r}, ...)"


def open_s3(url: SplitResult, options: Mapping[str, Any]) -> RemoteStore:
    """The store of an `s3://bucket/prefix` URL; `ConfigError` if URL or options cannot work."""
    settings = _settings(options)
    prefix = _prefix(url)
    provider = _credentials(settings, os.environ)
    if provider is not None and settings.region is None:
        settings = msgspec.structs.replace(settings, region=provider.config.get("region"))

    from obstore.store import S3Store

    from pywren.store.remote import RemoteStore

    inner = S3Store(
        url.netloc,
        prefix=prefix or None,
        config=s3_config(settings, os.environ),
        client_options=_client_options(settings),
        retry_config=_retry_config(settings),
        credential_provider=provider,
    )
    return RemoteStore(f"s3://{url.netloc}/{prefix}".rstrip("/"), inner)


def s3_config(settings: S3Options, environ: Mapping[str, str]) -> S3Config:
    """What obstore is told about the place and the keys, from options and environment. Pure.

    >>> s3_config(S3Options(), {"AWS_ENDPOINT_URL": "http://localhost:9000"})["endpoint"]
    'http://localhost:9000'
    """
    found = {
        "region": settings.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"),
        "endpoint": settings.endpoint_url
        or environ.get("AWS_ENDPOINT_URL_S3")
        or environ.get("AWS_ENDPOINT_URL"),
        "access_key_id": settings.access_key_id,
        "secret_access_key": settings.secret_access_key,
        "session_token": settings.session_token,
    }
    return {name: value for name, value in found.items() if value}  # type: ignore[return-value]  # only texts are left


def _settings(options: Mapping[str, Any]) -> S3Options:
    try:
        return msgspec.convert(dict(options), S3Options)
    except msgspec.ValidationError as error:
        known = ", ".join(S3Options.__struct_fields__)
        raise ConfigError(f"options of an s3:// store: {error}; there are {known}") from error


def _prefix(url: SplitResult) -> str:
    try:
        if not url.netloc:
            raise ValueError("it names no bucket")
        return check_listing(url.path.lstrip("/"), None)
    except ValueError as error:
        raise ConfigError(
            f"the store {url.geturl()!r} cannot be opened: {error}; expected s3://bucket/prefix"
        ) from error


def _credentials(settings: S3Options, environ: Mapping[str, str]) -> Any:
    """boto3's chain, where it is needed and installed; else None, and obstore looks for itself."""
    if settings.access_key_id or environ.get("AWS_ACCESS_KEY_ID"):
        return None

    from importlib.util import find_spec

    if find_spec("boto3") is None:
        if profile := environ.get("AWS_PROFILE"):
            raise ConfigError(f"the profile {profile!r} needs boto3 to be read: pip install boto3")
        return None
    return _boto3_provider()


def _boto3_provider() -> Any:
    from datetime import timedelta

    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        # boto3 renews what expires within 10 minutes: kept for longer, it could be out of date.
        return Boto3CredentialProvider(ttl=timedelta(minutes=9))
    except Exception as error:
        raise ConfigError(
            f"no AWS credentials were found ({error}): set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run `aws configure` or `aws sso login`"
        ) from error


def _client_options(settings: S3Options) -> ClientConfig:
    from datetime import timedelta

    return {
        "allow_http": True,  # only an endpoint URL that says http:// uses it
        "connect_timeout": timedelta(seconds=settings.connect_timeout),
        "read_timeout": timedelta(seconds=settings.read_timeout),
        "timeout": _WHOLE_REQUEST,
    }


def _retry_config(settings: S3Options) -> RetryConfig:
    from datetime import timedelta

    return {
        "max_retries": settings.max_retries,
        "retry_timeout": timedelta(seconds=settings.retry_seconds),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=10),
            "base": 2,
        },
    }
