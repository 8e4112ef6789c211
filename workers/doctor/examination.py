"""The whole examination, in the order in which a person mends things."""

from __future__ import annotations

import platform
import resource
from collections.abc import Iterator, Mapping
from importlib.metadata import version

from workers.clock import Clock
from workers.doctor.finding import Finding, Level
from workers.doctor.keys import keys
from workers.doctor.places import disks, redis_server, store
from workers.http import Wire
from workers.providers import PROVIDERS
from workers.settings import CONVENTIONS, Settings

FEWEST_FILES = 1024
"""Open files: a worker may have some hundred connections at once."""


def examine(settings: Settings, environ: Mapping[str, str], *, wire: Wire, clock: Clock) -> Iterator[Finding]:
    """Everything that is found, as it is found. It makes no job, costs nothing and leaves nothing behind."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("rushes", "celery", "redis", "boto3"))
    yield Finding("versions", Level.FINE, f"{packages}, Python {platform.python_version()} on {platform.system()}")
    yield from keys(settings, wire)
    yield from redis_server(settings, environ, clock)
    yield from store(settings, wire, clock)
    yield from disks(settings, environ)
    yield from limits(settings)


def limits(settings: Settings) -> Iterator[Finding]:
    """What is set for the providers that have a key, and what this machine lets us open."""
    for name in PROVIDERS:
        own, usual = settings.provider(name), CONVENTIONS[name].seats
        if own.key is None:
            continue
        minute = own.requests_per_minute
        rate = "any number of submissions" if minute is None else f"{minute:g} submissions a minute"
        besides = f" ({usual} unless set: raise RUSHES_{name.upper()}_SEATS to what your account has)"
        yield Finding("limits", Level.FINE, f"{name}: {own.seats} seats{besides if own.seats == usual else ''}, {rate}")
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < FEWEST_FILES:
        yield Finding("limits", Level.WARNING, f"{files} open files are allowed", f"ulimit -n {FEWEST_FILES} or more")
