"""docker-compose.yml as Compose reads it: variables put in, a service's parts told apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?P<how>:-|:\?)(?P<more>[^}]*)\}|\$")

SECRETS = {
    "REDIS_PASSWORD": "redispassword0123456789",
    "AWS_ACCESS_KEY_ID": "bucketkey0123456789",
    "AWS_SECRET_ACCESS_KEY": "bucketsecret0123456789",
    "RUSHES_FLOWER_AUTH": "night:flowerpassword0123456789",
    "RUSHES_WEBHOOKS_SECRET": "webhookssecret0123456789",
    "FAL_KEY": "falid0123456789:falsecret0123456789",
}


class Missing(Exception):
    """A variable that Compose asks for."""


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """The file with these variables. Raises `Missing` as Compose would refuse it."""
    plain = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
    return _filled(plain, environ)


def _filled(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, environ) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, environ) for inner in value]
    return _interpolated(value, environ) if isinstance(value, str) else value


def _interpolated(text: str, environ: Mapping[str, str]) -> str:
    def put_in(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        assert match["name"], f"{text!r}: a variable here has a default or is required: ${{NAME:-x}}, ${{NAME:?why}}"
        given = environ.get(match["name"], "")
        if match["how"] == ":?" and not given:
            raise Missing(match["name"])
        return given or ("" if match["how"] == ":?" else match["more"])

    return VARIABLE.sub(put_in, text)


@dataclass(frozen=True)
class Command:
    """What a container runs, and in which environment."""

    argv: list[str]
    environ: dict[str, str]


def command(service: Mapping[str, Any]) -> Command:
    """What a service of ours, or the Redis, runs."""
    entrypoint = service.get("entrypoint", ["rushes"] if "build" in service else [])
    return Command([*entrypoint, *service["command"]], dict(service.get("environment", {})))


def health_check(service: Mapping[str, Any]) -> Command:
    """The health check of a service."""
    kind, *argv = service["healthcheck"]["test"]
    return Command(["sh", "-c", *argv] if kind == "CMD-SHELL" else argv, dict(service.get("environment", {})))
