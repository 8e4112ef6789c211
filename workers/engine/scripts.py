"""Running the scripts, and reaching Redis at all: what every call of the waiting room has in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import redis
from redis.exceptions import NoScriptError, ResponseError

from workers.errors import IllegalTransition, RedisError


class Scripts:
    """The scripts of one namespace, as functions. Safe to use from any number of threads.

    `clock` tells the time in ms since the epoch, and `server` the run id of the Redis server; where they are None,
    Redis tells both itself.
    """

    def __init__(
        self,
        client: redis.Redis,
        namespace: str,
        *,
        clock: Callable[[], int] | None = None,
        server: Callable[[], str] | None = None,
    ) -> None:
        self.client = client
        self.namespace = namespace
        self.clock = clock
        self.server = server

    def key(self, *parts: str) -> str:
        """The name of a key in this namespace."""
        return ":".join((self.namespace, *parts))

    def run(self, script: str, *args: Any) -> Any:
        """Run one script. Raises `RedisError`, and `IllegalTransition` for a step that the states don't have."""
        digest, source = _script(script)
        now = "" if self.clock is None else self.clock()
        server = "" if self.server is None else self.server()
        argv: Sequence[Any] = (self.namespace, now, server, *(_writable(arg) for arg in args))
        with reaching():
            try:
                return self.client.evalsha(digest, 0, *argv)
            except NoScriptError:
                return self.client.eval(source, 0, *argv)

    def run_each(self, script: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """Run one script once for each of `calls`, each by itself, in one round trip; what they returned, in order.

        What one of them is refused for is raised when all have been run. Raises as `run` does.
        """
        digest, _ = _script(script)
        now = "" if self.clock is None else self.clock()
        server = "" if self.server is None else self.server()
        pipe = self.client.pipeline(transaction=False)
        for args in calls:
            pipe.evalsha(digest, 0, self.namespace, now, server, *(_writable(arg) for arg in args))
        with reaching():
            answers: list[Any] = pipe.execute(raise_on_error=False)
        for at, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):
                answers[at] = self.run(script, *calls[at])
        for answer in answers:
            if isinstance(answer, Exception):
                with reaching():
                    raise answer
        return answers


def as_text(value: bytes | str) -> str:
    """What Redis answered, as text."""
    return value if isinstance(value, str) else value.decode()


def as_fields(fields: Mapping[str, Any] | None) -> str:
    """Fields as the scripts take them: text as it is, None to remove one, anything else as JSON."""
    kept = {
        name: value if value is None or isinstance(value, str) else json.dumps(value)
        for name, value in (fields or {}).items()
    }
    return json.dumps(kept, ensure_ascii=False)


@contextmanager
def reaching() -> Iterator[None]:
    """Raise what goes wrong with Redis as errors of ours."""
    try:
        yield
    except ResponseError as error:
        if "ILLEGAL" in str(error):
            raise IllegalTransition(str(error).partition("ILLEGAL ")[2]) from error
        raise RedisError(f"Redis refused a command: {error}") from error
    except redis.RedisError as error:
        raise RedisError(
            f"Redis can't be reached: {str(error).rstrip('.')}. Check that it runs, and RUSHES_REDIS_URL."
        ) from error


@cache
def _script(name: str) -> tuple[str, str]:
    folder = files("workers.engine") / "scripts"
    before = ("_prelude", "_chains", "_routes") if name == "tick" else ("_prelude",)
    source = "".join((folder / f"{part}.lua").read_text() for part in (*before, name))
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest(), source


def _writable(arg: Any) -> Any:
    # json.loads lets half a surrogate pair through, which no UTF-8 can hold, and a provider's words must be kept.
    return arg.encode("utf-8", "replace") if isinstance(arg, str) else arg
