"""The border: obstore's errors go no further; ours say what to do.

obstore has few types of error, and what S3 answered is in their text. So the text is searched for
S3's own error codes, which are the same on every S3-compatible server.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pywren.errors import (
    IntegrityError,
    StorageError,
    StorageKeyError,
    StoragePermissionError,
)
from pywren.store.forking import check_not_forked

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["InterruptedRequest", "foreign_errors", "says_conflict", "translate"]


class InterruptedRequest(StorageError):
    """The request met another one, or its connection broke: the same request may well succeed."""


_CODE: Final = re.compile(r"<Code>\s*(\w+)\s*</Code>")
_ANSWER: Final = re.compile(r"<Message>\s*([^<]{1,300})</Message>")
_INTERRUPTIONS: Final = ("ConditionalRequestConflict", "OperationAborted", "RequestTimeout")
_TRANSPORT: Final = "HTTP error:"  # obstore's words where no answer, or half of one, came
_RETRIED: Final = re.compile(r"after \d+ retries")  # and these where it has tried long enough
_METADATA_SERVER: Final = "169.254."  # asked for credentials when nothing else has any
_NO_CREDENTIALS: Final = (
    "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or install "
    "boto3 so that profiles and SSO are read"
)

_ACTIONS: Final = {
    "get": "s3:GetObject",
    "size": "s3:GetObject",
    "put": "s3:PutObject",
    "create": "s3:PutObject",
    "delete": "s3:DeleteObject",
    "list": "s3:ListBucket",
}

_ADVICE: Final = {
    "NoSuchBucket": "there is no such bucket: create it, or correct the URL (and the region)",
    "ExpiredToken": "the credentials have expired: renew them (with SSO: `aws sso login`)",
    "InvalidToken": "the session token is not valid: renew the credentials",
    "TokenRefreshRequired": "the credentials have expired: renew them (with SSO: `aws sso login`)",
    "InvalidAccessKeyId": "the access key is unknown: see AWS_ACCESS_KEY_ID or the profile",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key: see "
    "AWS_SECRET_ACCESS_KEY or the profile",
    "RequestTimeTooSkewed": "the clock of this machine is more than 15 minutes off: set it",
    "PermanentRedirect": "the bucket is in another region: set AWS_REGION to it",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set AWS_REGION to it",
    "SlowDown": "the store is busy and stayed so through all retries: try again later",
    "ServiceUnavailable": "the store is away and stayed so through all retries: try again later",
    "InternalError": "the store failed and went on failing through all retries: try again later",
}
_DENIED: Final = (
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
)


@contextmanager
def foreign_errors(action: str, key: str, url: str) -> Iterator[None]:
    """Turn what obstore raises inside the block into a `StorageError` with the same cause."""
    from obstore.exceptions import BaseError

    check_not_forked(f"{action} {key!r} in {url}")
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        if isinstance(error, StorageError):
            raise
        raise translate(error, action, key, url) from error


def says_conflict(error: Exception) -> bool:
    """Whether a refused conditional write merely met another one and is to be sent again."""
    return _first(_CODE, str(error)) in _INTERRUPTIONS or " 409 Conflict" in str(error)


def translate(error: Exception, action: str, key: str, url: str) -> StorageError:
    """Our error for obstore's: its class, and one sentence that says what to do.

    Pure: it looks only at the type and the text of `error`.
    """
    text = str(error)
    code = _first(_CODE, text)
    where = f"{action} {key!r} in {url}"
    if _METADATA_SERVER in text:
        return StoragePermissionError(f"{where}: {_NO_CREDENTIALS}")
    if code in _DENIED or type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError"):
        return StoragePermissionError(f"{where}: {_denied(code, action)}")
    if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
        return StorageKeyError(f"{where}: nothing is stored there")
    if code == "InvalidRange" or "Wanted range starting" in text:
        return IntegrityError(f"{where}: the object ends before the bytes that were asked for")
    kind = InterruptedRequest if _was_interrupted(error, text) else StorageError
    return kind(f"{where}: {_ADVICE.get(code) or _answer(code, text)}")


def _was_interrupted(error: Exception, text: str) -> bool:
    return says_conflict(error) or (_TRANSPORT in text and not _RETRIED.search(text))


def _denied(code: str, action: str) -> str:
    advice = _ADVICE.get(code)
    if advice:
        return f"{advice} ({code})"
    return f"access denied: these credentials lack {_ACTIONS[action]}; see the role's policy"


def _answer(code: str, text: str) -> str:
    message = _first(_ANSWER, text)
    if code:
        return f"the store refused with {code}{f' ({message.strip()})' if message else ''}"
    if "redirect without LOCATION" in text:
        return _ADVICE["PermanentRedirect"]
    first_line = text.partition("\n")[0]
    return f"the store could not be used: {first_line[:300]}"


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
