"""What a provider said when it did not render, by class: one tree for all providers.

    ProviderError
    ├── AuthRefused          the key is wrong or revoked: the provider is paused
    ├── QuotaExhausted       out of money or locked: the provider is paused
    ├── RateLimited          too much at once: later, at no cost
    ├── Invalid              the request can't be rendered as it is asked: the take has failed
    ├── InputRefused         moderation refused what was asked: the take has failed
    ├── OutputRefused        moderation refused what was rendered
    ├── Transient            the provider failed by itself: the job is dead and cost nothing
    ├── Cancelled            the job was cancelled at the provider, by us or by hand
    ├── InDoubt              the submission may or may not have been accepted: never sent again blindly
    │   └── KeyTaken         its key stands for another request: sending it again settles nothing
    ├── Expired              the result is no longer to be had
    └── Unknown              none of these: not retried, the answer kept as it came

Each adapter maps its provider's answers to these; what follows from a class is written once, outside them.
"""

from __future__ import annotations

from typing import ClassVar

from jobs.errors import RushesError


class ProviderError(RushesError):
    """What a provider said, by class.

    `kind` is the class's name in receipts and failure records. `status` is the HTTP status, or None when no
    answer came. `body` is the answer as it came, shortened, with secrets removed. `retry_after` is in seconds.
    """

    kind: ClassVar[str] = "unknown"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        body: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.retry_after = retry_after


class AuthRefused(ProviderError):
    """The key is wrong, revoked, or may not do this. The provider is paused; nothing was accepted."""

    kind = "auth"


class QuotaExhausted(ProviderError):
    """Out of money, or the account is locked. The provider is paused; nothing was accepted."""

    kind = "quota"


class RateLimited(ProviderError):
    """Too much at once. Nothing was accepted; the same submission may be made later."""

    kind = "rate"


class Invalid(ProviderError):
    """The request can't be rendered as it is asked. Nothing was accepted; asking again changes nothing."""

    kind = "invalid"


class InputRefused(ProviderError):
    """Moderation refused the prompt or an input. Asking again unchanged changes nothing."""

    kind = "input-moderation"


class OutputRefused(ProviderError):
    """Moderation refused what was rendered. The same request may pass another time, at its price."""

    kind = "output-moderation"


class Transient(ProviderError):
    """The provider failed by itself. The job is dead and was not billed; a new attempt is free."""

    kind = "transient"


class Cancelled(ProviderError):
    """The job was cancelled at the provider, by us or by hand: there will be no video, and none is made again unasked.

    A job that had not begun is not billed. Of one that was being rendered that is certain only where a provider says
    so: fal promises no refund, and no other can cancel one.
    """

    kind = "cancelled"


class InDoubt(ProviderError):
    """The submission may or may not have been accepted. It must be settled, never blindly sent again."""

    kind = "in-doubt"


class KeyTaken(InDoubt):
    """The attempt's key stands for another request, or for one that is being accepted at this moment."""


class Expired(ProviderError):
    """The result is no longer to be had at the provider."""

    kind = "expired"


class Unknown(ProviderError):
    """An answer that the provider's documents don't explain. Not retried; the answer is kept as it came."""

    kind = "unknown"
