"""Ark's errors by class: its codes, and the sentences that are left of them where a relay drops the code.

Codes and sentences are from Ark's page of error codes. A code may go on after a dot
(`InputImageSensitiveContentDetected.PrivacyInformation`), which narrows it and changes no class unless listed.
AnyFast relays to Ark, so they are its errors too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from workers.providers.errors import (
    AuthRefused,
    InputRefused,
    Invalid,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Transient,
)
from workers.providers.protocol import Response
from workers.providers.reading import excerpt, retry_after
from workers.redaction import redact

ErrorClass = type[ProviderError]

REFUSALS: tuple[ErrorClass, ...] = (AuthRefused, QuotaExhausted, Invalid, InputRefused)
"""Classes of codes that leave no doubt, under whatever HTTP status they come: nothing was accepted."""

_CODES: dict[str, ErrorClass] = {
    "AuthenticationError": AuthRefused,
    "InvalidAccountStatus": AuthRefused,
    "AccessDenied": AuthRefused,
    "ModelNotOpen": AuthRefused,
    "OperationDenied.ServiceNotOpen": AuthRefused,
    "OperationDenied.PermissionDenied": AuthRefused,
    "AccountOverdueError": QuotaExhausted,
    "OperationDenied.ServiceOverdue": QuotaExhausted,
    "QuotaExceeded": QuotaExhausted,
    "SetLimitExceeded": QuotaExhausted,
    "RateLimitExceeded": RateLimited,
    "ServerOverloaded": RateLimited,
    "ModelLoadingError": RateLimited,
    "RequestBurstTooFast": RateLimited,
    "InflightBatchsizeExceeded": RateLimited,
    "MissingParameter": Invalid,
    "InvalidParameter": Invalid,
    "InvalidArgumentError": Invalid,
    "InvalidImageURL": Invalid,
    "InvalidEndpoint": Invalid,
    "InvalidEndpointOrModel": Invalid,
    "UnsupportedModel": Invalid,
    "InternalServiceError": Transient,
    "ContentSecurityDetectionError": Transient,
}

_PATTERNS: tuple[tuple[re.Pattern[str], ErrorClass], ...] = (
    # ModelAccountRpmRateLimitExceeded, APIAccountRpmRateLimitExceeded, AccountRateLimitExceeded, ...
    (re.compile(r"\w+RateLimitExceeded"), RateLimited),
    (re.compile(r"Output\w*(SensitiveContentDetected|RiskDetection)"), OutputRefused),
    # SensitiveContentDetected alone is about the prompt.
    (re.compile(r"(Input\w*)?SensitiveContentDetected|Input\w*RiskDetection"), InputRefused),
)

_SENTENCES: tuple[tuple[re.Pattern[str], ErrorClass], ...] = (
    (re.compile(r"(?i)\bthe output\b.{0,60}?\bmay (contain|be related to)\b"), OutputRefused),
    (re.compile(r"(?i)\bthe input\b.{0,60}?\bmay (contain|be related to)\b"), InputRefused),
)

_CODE = re.compile(r"\b[A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z]*)*")


def class_of_code(code: object) -> ErrorClass | None:
    """The class of one of Ark's codes; None for what is none of those that are known."""
    if not isinstance(code, str):
        return None
    family = code.partition(".")[0]
    known = _CODES.get(code) or _CODES.get(family)
    if known is not None:
        return known
    return next((kind for pattern, kind in _PATTERNS if pattern.fullmatch(family)), None)


def class_of_text(text: str) -> ErrorClass | None:
    """The class of a message in which one of Ark's codes or sentences stands; None when none does."""
    for code in _CODE.findall(text):
        if (known := class_of_code(code)) is not None:
            return known
    return next((kind for pattern, kind in _SENTENCES if pattern.search(text)), None)


def ended(kind: ErrorClass) -> ErrorClass:
    """The class of a job that ended with an error of class `kind`.

    A job that was accepted and then found no room is dead, and not waiting: it has to be made again, some time.
    """
    return Transient if kind is RateLimited else kind


def failure(kind: ErrorClass, what: str, said: str, response: Response, secrets: Iterable[str] = ()) -> ProviderError:
    """An error of class `kind` whose message is `what`, with the provider's own words behind it."""
    known = tuple(secrets)
    line = " ".join(redact(f"{what}: {said}" if said else what, known).split())
    return kind(
        line if len(line) <= 600 else f"{line[:600]} ...",
        status=response.status,
        body=excerpt(response, known),
        retry_after=retry_after(response.headers),
    )
