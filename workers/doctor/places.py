"""Redis, the store, the clocks and the disks: whether they do what a night needs of them."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import cast

import redis

from workers.broker.addresses import redis_url, state_folder
from workers.broker.connection import connect, prove
from workers.broker.embedded import find_server, socket_path
from workers.clock import Clock
from workers.doctor.finding import Finding, Level
from workers.errors import RedisError, SettingsError, StoreError, StoreRefused
from workers.http import Wire
from workers.http.errors import Broken, NotSent
from workers.providers.protocol import Request
from workers.redaction import redact
from workers.settings import Settings
from workers.store import open_store
from workers.store.folder import FolderStore

SKEW_SECONDS = 30.0
"""Deadlines are told by one clock and kept by another."""

LONGEST_SKEW_SECONDS = 300.0
"""S3 refuses what is signed 15 minutes off; a third of that is no accident."""

LITTLE_BYTES, TOO_LITTLE_BYTES = 5 * 10**9, 500 * 10**6
LINK_SECONDS = 60


def redis_server(settings: Settings, environ: Mapping[str, str], clock: Clock) -> Iterator[Finding]:
    """What is found of Redis. A private one that doesn't run is not started."""
    url = redis_url(settings, environ)
    if settings.redis_url is None and not socket_path(state_folder(settings.store, environ) / "redis").exists():
        try:
            found = find_server(environ)
        except RedisError as error:
            yield Finding("redis", Level.PROBLEM, str(error), "install redis-server, or set RUSHES_REDIS_URL", 5)
        else:
            yield Finding("redis", Level.FINE, f"RUSHES_REDIS_URL is not set; {found} is started when it is needed")
        return
    client: redis.Redis | None = None
    try:
        client = connect(url, retries=1)
        warnings = prove(client, url)
        info = client.info("server")
        seconds, micros = client.time()
        key = f"{settings.namespace}:doctor:{secrets.token_hex(8)}"
        client.set(key, b"whole", px=60_000)
        kept = cast("bytes | None", client.getdel(key))
    except SettingsError as error:
        yield Finding("redis", Level.PROBLEM, str(error), "correct RUSHES_REDIS_URL")
        return
    except (RedisError, redis.RedisError) as error:
        told = redact(str(error), settings.secret_values())
        yield Finding("redis", Level.PROBLEM, told, "start it, or correct RUSHES_REDIS_URL", 5)
        return
    finally:
        if client is not None:
            client.close()
    if kept != b"whole":
        yield Finding("redis", Level.PROBLEM, "what was written was not read back", "look at its log", 5)
    version = info.get("valkey_version") or info["redis_version"]
    yield Finding("redis", Level.FINE, f"version {version}, and a key was written and read back")
    for warning in warnings:
        told, _, mend = warning.partition("; ")
        yield Finding("redis", Level.WARNING, told, mend or "see docker-compose.yml for how it is meant to run")
    yield from _skew("Redis", seconds + micros / 1e6, clock)


def store(settings: Settings, wire: Wire, clock: Clock) -> Iterator[Finding]:
    """What is found of the store: it is written to and read from, and left as it was."""
    try:
        opened = open_store(settings.store)
        opened.check()
        yield Finding("store", Level.FINE, f"{settings.store}: an object was written, read back, listed and removed")
        if not isinstance(opened, FolderStore):
            yield from _bucket(settings, wire, clock)
    except SettingsError as error:
        yield Finding("store", Level.PROBLEM, str(error), "correct RUSHES_STORE")
    except StoreRefused as error:
        yield Finding("store", Level.PROBLEM, str(error), "correct RUSHES_STORE, or what the keys may do", 5)
    except StoreError as error:
        yield Finding("store", Level.PROBLEM, str(error), "see that it can be reached, and has room", 5)


def _bucket(settings: Settings, wire: Wire, clock: Clock) -> Iterator[Finding]:
    from workers.store.s3 import open_s3  # boto3 takes 80 ms to import

    bucket = open_s3(settings.store, os.environ)
    body = secrets.token_hex(16).encode()
    with bucket.probe(body) as key:
        kept = bucket.keeps_what_is_there(key)
        told = "is refused where there is an object" if kept else "is not known to the server, and isn't needed"
        yield Finding("store", Level.FINE if kept else Level.NOTE, f"a conditional write {told}")
        link = bucket.presign(key, seconds=LINK_SECONDS)
        try:
            answer = wire.send(Request("GET", link), timeout=30.0)
        except (NotSent, Broken) as error:
            told = redact(str(error), settings.secret_values())
            yield Finding("store", Level.WARNING, f"a presigned URL leads nowhere: {told}", _LINKS)
            return
    if answer.status == 200 and answer.body == body:
        public = "" if settings.store_public else "; whether providers can is for you to know (RUSHES_STORE_PUBLIC)"
        yield Finding("store", Level.FINE, f"a presigned URL can be fetched from this machine{public}")
    else:
        yield Finding("store", Level.WARNING, f"a presigned URL is answered with HTTP {answer.status}", _LINKS)
    if "date" in answer.headers:
        try:
            there = parsedate_to_datetime(answer.headers["date"]).timestamp()
        except ValueError:
            yield Finding("clock", Level.NOTE, "the store tells its time in a form that nobody has")
            return
        yield from _skew("the store", there, clock)


_LINKS = "set AWS_ENDPOINT_URL_S3 to an address that is right from outside, or RUSHES_INPUTS to data or upload"


def _skew(whose: str, there: float, clock: Clock) -> Iterator[Finding]:
    off = abs(clock.now() - there)
    level = Level.FINE if off <= SKEW_SECONDS else Level.WARNING if off <= LONGEST_SKEW_SECONDS else Level.PROBLEM
    mend = "" if level is Level.FINE else "let both machines take their time from NTP"
    yield Finding("clock", level, f"{off:.0f} s apart from that of {whose}", mend)


def disks(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """How much room there is where files are made: the spool, a store that is a folder, the private Redis."""
    places = {"spool": settings.spool or Path(tempfile.gettempdir())}
    folder = settings.store.removeprefix("file://")
    if "://" not in folder:
        places["store"] = Path(folder).expanduser()
    if settings.redis_url is None:
        places["private Redis"] = state_folder(settings.store, environ)
    for what, place in places.items():
        there = next(each for each in (place.absolute(), *place.absolute().parents) if each.exists())
        try:
            free = shutil.disk_usage(there).free
        except OSError as error:
            yield Finding("disk", Level.PROBLEM, f"no {what} at {place}: {error.strerror}", "name another place")
            continue
        level = Level.PROBLEM if free < TOO_LITTLE_BYTES else Level.WARNING if free < LITTLE_BYTES else Level.FINE
        mend = "" if level is Level.FINE else "make room, or name another place (RUSHES_SPOOL, RUSHES_STORE)"
        yield Finding("disk", level, f"{free / 1e9:,.1f} GB are free for the {what} at {place}", mend)
