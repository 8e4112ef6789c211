"""The request that a take would be submitted with, without sending anything, and without any secret.

Where the key would stand, the name of its variable does; and where a local file would be handed over, what would stand
there: a URL that isn't made before it is needed, or a data URI of which nobody wants to see the letters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from jobs.fields.references import MEDIA, Medium
from jobs.inputs import LocalInput
from jobs.takes import Asked, Take
from workers.context import VERSION
from workers.inputs.handover import Handover
from workers.providers import adapter
from workers.providers.protocol import Access, Request
from workers.settings import CONVENTIONS, Settings
from workers.steps.submit import attempt_under


@dataclass(frozen=True, slots=True)
class Preview:
    """A request that would be sent. Its body is JSON."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any

    def lines(self) -> list[str]:
        """As it is written in HTTP, with the body indented."""
        head = [f"{self.method} {self.url}", *(f"{name}: {value}" for name, value in self.headers.items())]
        return [*head, "", *json.dumps(self.body, indent=2, ensure_ascii=False).splitlines()]

    def to_json(self) -> dict[str, Any]:
        """The same as plain mappings, lists, text and numbers."""
        return {"method": self.method, "url": self.url, "headers": dict(self.headers), "body": self.body}


def preview(
    settings: Settings,
    take: Take,
    inputs: Sequence[LocalInput] = (),
    handovers: Mapping[Medium, Handover] | None = None,
) -> Preview:
    """The POST of the first attempt at `take`. `inputs` are the local files that its manifest names, `handovers` how
    those of each medium would reach the provider.

    Raises a `ProviderError` when the provider has no words for what is asked.
    """
    convention, provider = CONVENTIONS[take.provider], settings.provider(take.provider)
    account = provider.account or convention.account_variable or ""
    access = Access(provider.url, SecretStr(f"<{convention.key_variable}>"), account)
    asked = _with_placeholders(take.asked, {each.reference: _placeholder(each, handovers or {}) for each in inputs})
    request: Request = adapter(take.provider).submission(asked, access, attempt_under(settings, take, 1))
    return Preview(request.method, request.url, {"User-Agent": f"rushes/{VERSION}", **request.headers}, request.json)


def _placeholder(local: LocalInput, handovers: Mapping[Medium, Handover]) -> str:
    match handovers.get(local.medium):
        case "presigned":
            return f"<presigned URL of {local.path}>"
        case "data":
            return f"<data URI of {local.path}, {local.bytes:,} bytes>"
        case "upload":
            return f"<URL of {local.path}, uploaded to the provider>"
    return f"<{local.path}>"


def _with_placeholders(asked: Asked, by: Mapping[str, str]) -> Asked:
    changed: dict[str, object] = {}
    for name in MEDIA:
        value = getattr(asked, name)
        if isinstance(value, tuple):
            changed[name] = tuple(by.get(each, each) for each in value)
        elif value is not None:
            changed[name] = by.get(value, value)
    return asked.model_copy(update=changed)
