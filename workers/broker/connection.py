"""Reaching a Redis, and checking that it keeps what it is told."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import AuthenticationError, ResponseError
from redis.retry import Retry

from workers.errors import RedisError, SettingsError

_OLDEST = (6, 2)


def connect(url: str, *, retries: int = 8) -> redis.Redis:
    """A client for `redis://`, `rediss://` or `unix://`. Nothing is sent yet.

    Every command that Rushes sends may be sent twice at no harm, so a lost connection is tried again `retries` times,
    over about `retries` seconds. Raises `SettingsError` for any other kind of address.
    """
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise SettingsError(
            f"RUSHES_REDIS_URL: {_shown(url)} is not a Redis address; write redis://[:password@]host:6379/0, "
            "rediss://... or unix:///path/to/socket"
        )
    try:
        return redis.Redis.from_url(
            url,
            retry=Retry(ExponentialBackoff(cap=2.0, base=0.05), retries),
            retry_on_error=[redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError],
            socket_connect_timeout=5,
            socket_timeout=15,
            health_check_interval=15,
        )
    except ValueError as error:
        raise SettingsError(f"RUSHES_REDIS_URL: {_shown(url)} can't be read: {error}") from None


def celery_url(url: str) -> str:
    """The same address as Celery spells it."""
    if url.startswith("unix://"):
        return "redis+socket://" + url.removeprefix("unix://")
    return url


def prove(client: redis.Redis, url: str) -> list[str]:
    """Prove that Redis answers and does not forget, and return warnings for a person.

    Raises `RedisError` when it can't be reached, refuses the password, is older than 6.2, or may evict keys: an
    evicted key is a paid take forgotten.
    """
    try:
        client.ping()
        info = client.info("server")
    except AuthenticationError as error:
        raise RedisError(f"Redis at {_shown(url)} refuses the password; check RUSHES_REDIS_URL") from error
    except (redis.RedisError, OSError) as error:
        if "auth" in str(error).lower():
            raise RedisError(f"Redis at {_shown(url)} wants a password; put it into RUSHES_REDIS_URL") from error
        raise RedisError(
            f"Redis at {_shown(url)} can't be reached: {str(error).rstrip('.')}. "
            "Start it, or correct RUSHES_REDIS_URL, or unset it to let rushes bring its own"
        ) from error
    version = tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])
    if version < _OLDEST:
        raise RedisError(f"Redis at {_shown(url)} is {info['redis_version']}; 6.2 or newer is needed")
    return _durability(client, url)


def _durability(client: redis.Redis, url: str) -> list[str]:
    try:
        config = cast("dict[str, str]", client.config_get("append*", "maxmemory*"))
    except ResponseError:
        return [f"Redis at {_shown(url)} doesn't tell its settings: make sure that it runs with appendonly yes"]
    if config.get("maxmemory", "0") != "0" and config.get("maxmemory-policy", "noeviction") != "noeviction":
        raise RedisError(
            f"Redis at {_shown(url)} evicts keys when it is full (maxmemory-policy {config['maxmemory-policy']}), "
            "so it could forget takes that are paid for; set maxmemory-policy noeviction"
        )
    if config.get("appendonly") != "yes":
        return [f"Redis at {_shown(url)} forgets everything when it stops; set appendonly yes"]
    if config.get("appendfsync") != "always":
        return [f"Redis at {_shown(url)} may forget the last second when its machine fails; set appendfsync always"]
    return []


def _shown(url: str) -> str:
    parts = urlsplit(url)
    if not parts.netloc or "@" not in parts.netloc:
        return url
    return parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]).geturl()
