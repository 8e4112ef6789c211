"""fal's answers, read for what they say about a failure: from its pages on model errors and on request errors."""

from __future__ import annotations

from typing import Any

from workers.providers.errors import (
    AuthRefused,
    InputRefused,
    Invalid,
    OutputRefused,
    ProviderError,
    QuotaExhausted,
    Transient,
)
from workers.providers.protocol import Access, Response
from workers.providers.reading import excerpt, retry_after
from workers.redaction import redact

ErrorClass = type[ProviderError]

_TRANSIENT_TYPES = frozenset(
    (
        "internal_server_error",
        "generation_timeout",
        "downstream_service_error",
        "downstream_service_unavailable",
    )
)

# The second is the name on fal's newer pages.
_RETRYABLE = ("x-fal-retryable", "x-fal-needs-retry")


class FalAnswer:
    """An answer of fal's, read for what it says about a failure."""

    def __init__(self, response: Response, access: Access | None = None) -> None:
        self.response = response
        self.secrets = (access.key.get_secret_value(),) if access else ()
        parsed = response.parsed()
        self.is_json = isinstance(parsed, dict)
        self.fields: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
        detail = self.fields.get("detail")
        self.details: list[dict[str, Any]] = (
            [each for each in detail if isinstance(each, dict)] if isinstance(detail, list) else []
        )
        self.text = detail if isinstance(detail, str) else ""
        named = self.fields.get("error_type") or response.headers.get("x-fal-error-type")
        self.error_type = named if isinstance(named, str) else ""

    @property
    def explains(self) -> bool:
        """Whether the answer is an error in fal's form."""
        return self.is_json and ("detail" in self.fields or bool(self.error_type))

    @property
    def names_its_kind(self) -> bool:
        """Whether the answer bears the marks of a failure of fal's own, and not of a gateway before it."""
        typed = bool(self.error_type) or any("type" in each for each in self.details)
        return self.is_json and (typed or any(name in self.response.headers for name in _RETRYABLE))

    def shut_out(self) -> tuple[ErrorClass, str]:
        """The class and the message of a 401 or 403."""
        if self.response.status == 403 and self.text.startswith("User is locked"):
            return QuotaExhausted, "fal has locked the account"
        return AuthRefused, f"fal refused the key (HTTP {self.response.status}); check FAL_KEY"

    def kind(self) -> ErrorClass:
        """The class of a 400, 413 or 422.

        fal has one type for moderation of what was asked and of what was rendered, and tells them apart only
        when its partner refused the request beforehand. The rest is taken for the output: `OutputRefused` at
        most offers a person another attempt, while `InputRefused` gives up a take that might pass.
        """
        types = [str(each.get("type", "")) for each in self.details] or [self.error_type]
        if "content_policy_violation" in types:
            beforehand = any(_reason(each) == "partner_validation_failed" for each in self.details)
            return InputRefused if beforehand else OutputRefused
        if "no_media_generated" in types:
            return OutputRefused
        if self._may_be_repeated() or any(each in _TRANSIENT_TYPES for each in types):
            return Transient
        return Invalid

    def error(self, kind: ErrorClass, what: str) -> ProviderError:
        """An error of class `kind` whose message is `what` with fal's own words."""
        body = excerpt(self.response, self.secrets)
        said = self._said()
        message = _one_line(f"{what}: {said}" if said else what, self.secrets)
        return kind(message, status=self.response.status, body=body, retry_after=retry_after(self.response.headers))

    def _may_be_repeated(self) -> bool:
        marks = (self.response.headers.get(name, "") for name in _RETRYABLE)
        return any(mark.strip().lower() in ("true", "1") for mark in marks)

    def _said(self) -> str:
        if self.details:
            return "; ".join(_said_of(each) for each in self.details[:5])
        plain = self.text or self.fields.get("error") or ""
        kind = f" ({self.error_type})" if self.error_type else ""
        return f"{plain}{kind}".strip()


def _reason(detail: dict[str, Any]) -> object:
    ctx = detail.get("ctx")
    extra = ctx.get("extra_info") if isinstance(ctx, dict) else None
    return extra.get("reason") if isinstance(extra, dict) else None


def _said_of(detail: dict[str, Any]) -> str:
    loc = detail.get("loc")
    place = ""
    for part in loc if isinstance(loc, list) else []:
        place += f"[{part}]" if type(part) is int else f".{part}" if place else str(part)
    said = f"{detail.get('msg', 'no reason given')} ({detail.get('type', 'no type given')})"
    value = detail.get("input")
    if isinstance(value, (str, int, float, bool)) and len(repr(value)) <= 80:
        said += f", given {value!r}"
    return f"{place}: {said}" if place else said


def _one_line(text: str, secrets: tuple[str, ...]) -> str:
    line = " ".join(redact(text, secrets).split())
    return line if len(line) <= 600 else f"{line[:600]} ..."
