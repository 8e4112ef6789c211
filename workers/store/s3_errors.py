"""What an S3 server's refusals, and the roads that end before it, mean to a person."""

from __future__ import annotations

import re
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)

from workers.errors import ObjectMissing, StoreError, StoreFull, StoreRefused

_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)"

_REFUSALS = {
    "NoSuchBucket": "there is no bucket {bucket} at {endpoint}. Create it, or name another in RUSHES_STORE",
    "InvalidBucketName": "{bucket} can't be a bucket's name. Mend RUSHES_STORE",
    "AccessDenied": "{endpoint} does not allow {action} in the bucket {bucket}. Allow it to the owner of "
    "AWS_ACCESS_KEY_ID, or use another key",
    "InvalidAccessKeyId": "{endpoint} does not know the key in AWS_ACCESS_KEY_ID. Set the one that belongs to it",
    "SignatureDoesNotMatch": "{endpoint} did not accept our signature: AWS_SECRET_ACCESS_KEY is not the "
    "secret of AWS_ACCESS_KEY_ID. Set the right one (and AWS_DEFAULT_REGION, if the server wants a certain region)",
    "ExpiredToken": "{endpoint} says that AWS_SESSION_TOKEN has expired. Fetch new credentials",
    "InvalidToken": "{endpoint} does not accept AWS_SESSION_TOKEN. Fetch new credentials, or unset it",
    "PermanentRedirect": "the bucket {bucket} is in another region. Set AWS_DEFAULT_REGION to that one",
    "RequestTimeTooSkewed": "{endpoint} says that this machine's clock is wrong. Set it",
    "EntityTooLarge": "{endpoint} takes no object this large. Raise its limit, or use another store",
}
_ALIASES = {
    "403": "AccessDenied",
    "Forbidden": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "AccountProblem": "AccessDenied",
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "TokenRefreshRequired": "ExpiredToken",
    "301": "PermanentRedirect",
    "AuthorizationHeaderMalformed": "PermanentRedirect",
    "IllegalLocationConstraintException": "PermanentRedirect",
}

_FULL = frozenset(
    {
        "InsufficientStorage",
        "QuotaExceeded",
        "StorageFull",
        "XMinioStorageFull",
        "XMinioAdminBucketQuotaExceeded",
    }
)

_PASSING = frozenset(
    {
        "RequestTimeout",
        "RequestTimeoutException",
        "IncompleteBody",
        "BadDigest",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
"""Codes that come with a 4xx, although asking again can help."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something went wrong. `url` is the object's; `hidden` are texts that no message may show."""

    url: str
    bucket: str
    endpoint: str | None
    hidden: tuple[str, ...] = ()

    def clean(self, text: str) -> str:
        """`text` without secrets, shortened."""
        for secret in self.hidden:
            text = text.replace(secret, "***")
        # A name and password may stand in an endpoint's URL.
        return re.sub(r"//[^/@\s]*@", "//", text)[:500]


def trouble(error: Exception, place: Place, *, action: str = "access", size: int | None = None) -> StoreError:
    """The error of the tree that `error` means. `action` is S3's name of what was asked (`PutObject`)."""
    return _from_answer(error, place, action, size) if isinstance(error, ClientError) else _from_road(error, place)


def refuses_checksums(error: ClientError) -> bool:
    """Whether the server wants no checksum in a header, as Backblaze B2 ("Unsupported header 'x-amz-checksum-sha256'
    received for this API call", "S3-Compatible API": unsupported features)."""
    told = error.response.get("Error", {})
    said = str(told.get("Message", "")).lower()
    return told.get("Code") in ("InvalidArgument", "InvalidRequest", "NotImplemented") and "checksum" in said


def _from_answer(error: ClientError, place: Place, action: str, size: int | None) -> StoreError:
    told = error.response.get("Error", {})
    code = str(told.get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    endpoint = place.clean(place.endpoint or "the server")
    said = place.clean(f"HTTP {status} {code}: {told.get('Message', '')}".rstrip(": "))

    if code == "NoSuchKey":
        return ObjectMissing(f"{place.url}: there is no such object")
    if code in _FULL or status == 507:
        wanted = "" if size is None else f" for its {size} bytes"
        return StoreFull(f"{place.url}: no room{wanted} at {endpoint} ({said}). Make room there, then run again")
    if known := _REFUSALS.get(_ALIASES.get(code, code)):
        advice = known.format(bucket=place.bucket, endpoint=endpoint, action=f"s3:{action}")
        return StoreRefused(f"{place.url}: {advice} ({said})")
    if code in _PASSING or status >= 500 or status in (404, 408, 409, 425, 429):
        # A 404 that says neither NoSuchKey nor NoSuchBucket may come from a proxy on the way. It must not
        # pass for a missing object: what is missing gets rendered, and paid for, again.
        return StoreError(f"{place.url}: {action} failed at {endpoint} ({said})")
    return StoreRefused(f"{place.url}: {endpoint} refused {action} ({said})")


def _from_road(error: Exception, place: Place) -> StoreError:
    """For what went wrong before there was an answer, or while one was being read."""
    said = place.clean(f"{type(error).__name__}: {error}")
    at = f" at {place.clean(place.endpoint)}" if place.endpoint else ""
    kind: type[StoreError] = StoreRefused
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        advice = f"there is no key to sign with. Set {_KEYS}"
    elif isinstance(error, CredentialRetrievalError | SSOError):
        advice = f"the key to sign with could not be fetched. Log in again, or set {_KEYS}"
    elif isinstance(error, ProfileNotFound):
        advice = "there is no such profile. Mend AWS_PROFILE"
    elif isinstance(error, NoRegionError | InvalidRegionError):
        advice = "there is no region to ask in. Set AWS_DEFAULT_REGION"
    elif isinstance(error, ParamValidationError):
        advice = "boto3 will not send this. Is the bucket's name in RUSHES_STORE right?"
    elif isinstance(error, ValueError):
        advice = "there is no such server. Mend AWS_ENDPOINT_URL_S3"
    elif "CERTIFICATE_VERIFY_FAILED" in said:
        advice = f"the certificate{at} can't be trusted. Name the file of its authority in AWS_CA_BUNDLE"
    elif isinstance(error, BotoCoreError):
        kind, advice = (
            StoreError,
            f"no whole answer came{at}. Is the server up, and AWS_ENDPOINT_URL_S3 right?",
        )
    else:
        kind, advice = StoreError, f"the transfer broke off{at}"
    return kind(f"{place.url}: {advice} ({said})")
