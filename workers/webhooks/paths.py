"""The path on which a provider calls back about one attempt: nobody guesses it, and nothing has to be kept for it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from pydantic import SecretStr

LONGEST_PATH = 400
"""Characters. Longer is no path of ours, and isn't looked at."""


@dataclass(frozen=True, slots=True)
class Called:
    """The attempt that a call is about."""

    batch: str
    index: int
    attempt: int


def path_of(secret: SecretStr, namespace: str, called: Called) -> str:
    """The attempt's own path: `/<batch>/<index>/<attempt>/<64 hex digits>`."""
    return f"/{called.batch}/{called.index}/{called.attempt}/{_token(secret, namespace, called)}"


def read_path(secret: SecretStr, namespace: str, path: str) -> Called | None:
    """The attempt whose path this is, or None when it is none that we gave out."""
    parts = path.split("/")
    if len(path) > LONGEST_PATH or len(parts) != 5 or parts[0] or not path.isascii():
        return None
    _, batch, index, attempt, token = parts
    if not (index.isdigit() and attempt.isdigit()):
        return None
    called = Called(batch, int(index), int(attempt))
    if path_of(secret, namespace, called).rpartition("/")[0] != path.rpartition("/")[0]:
        return None  # written in another way, such as with zeros in front
    return called if hmac.compare_digest(token, _token(secret, namespace, called)) else None


def fingerprint(url: str) -> str:
    """By what a URL can be known again without being kept: its sha256 (hex)."""
    return hashlib.sha256(url.encode()).hexdigest()


def heard(provider: str) -> str:
    """The name under which it is remembered that a provider's calls come through."""
    return f"webhooks-{provider}"


def _token(secret: SecretStr, namespace: str, called: Called) -> str:
    told = f"webhook\n{namespace}\n{called.batch}\n{called.index}\n{called.attempt}"
    return hmac.new(secret.get_secret_value().encode(), told.encode(), hashlib.sha256).hexdigest()
