"""Where the Redis of a store is, and where its state lies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from workers.broker.embedded import socket_path
from workers.settings import Settings


def state_folder(store: str, environ: Mapping[str, str]) -> Path:
    """Where an embedded Redis keeps the state that belongs to a store: within it, or, for a bucket, in the home."""
    if "://" not in store:
        return Path(store) / ".rushes" / "state"
    if store.startswith("file://"):
        return Path(store.removeprefix("file://")) / ".rushes" / "state"
    home = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".local" / "state")
    return Path(home) / "rushes" / hashlib.sha256(store.encode()).hexdigest()[:16]


def redis_url(settings: Settings, environ: Mapping[str, str]) -> str:
    """The Redis that is configured, or else the embedded one of this store (which may not be running)."""
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    return f"unix://{socket_path(state_folder(settings.store, environ) / 'redis')}"
