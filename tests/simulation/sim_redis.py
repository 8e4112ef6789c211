"""The real Redis, reached by a client that can be made to fail, and that can go back to an earlier state."""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files
from typing import Any

import redis
from sim_world import World

Snapshot = dict[bytes, tuple[int, bytes]]
"""Each key with its time to live in ms (0: for ever) and what DUMP gave."""


class SimRedis(redis.Redis):
    """A client whose every command is an effect of whoever moves in `world`."""

    world: World | None = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if self.world is None or self.world.current is None:
            return super().execute_command(*args, **options)
        return self.world.effect(
            "redis",
            _told(args),
            lambda: self._ask(*args, **options),
            lambda: redis.ConnectionError("the simulated Redis is away"),
        )

    def _ask(self, *args: Any, **options: Any) -> Any:
        """One command and its answer on the only connection, without what the client does against real failures."""
        connection = self.connection
        assert connection is not None, "the simulation's client has one connection"
        if args[0] in ("EVALSHA", "EVAL") and self.world is not None:
            # As a script finds them when it runs, and not as they were when its caller was stopped.
            args = (*args[:4], self.world.ms(), str(self.world.run_id), *args[6:])
        connection.send_command(*args)
        return self.parse_response(connection, args[0], **options)

    def pipeline(self, *args: Any, **named: Any) -> Any:
        pipe = super().pipeline(*args, **named)
        execute = pipe.execute

        def executed(*args: Any, **named: Any) -> Any:
            if self.world is None:
                return execute(*args, **named)
            return self.world.effect(
                "pipeline",
                "redis pipeline",
                lambda: execute(*args, **named),
                lambda: redis.ConnectionError("the simulated Redis is away"),
            )

        pipe.execute = executed
        return pipe

    def quiet_pipeline(self) -> Any:
        """A pipeline of nobody's, for the schedule to look around with."""
        return super().pipeline(transaction=False)

    def load_scripts(self) -> None:
        """Let the server know all scripts beforehand: a schedule must not depend on which came to be used before it."""
        folder = files("workers.engine") / "scripts"
        prelude = (folder / "_prelude.lua").read_text()
        for each in folder.iterdir():
            if each.name.endswith(".lua") and not each.name.startswith("_"):
                self.script_load(prelude + each.read_text())

    def snapshot(self) -> Snapshot:
        """All that this database holds."""
        keys = self.keys("*")
        pipe = super().pipeline(transaction=True)
        for key in keys:
            pipe.pttl(key)
            pipe.dump(key)
        found = pipe.execute()
        return {
            key: (max(0, ttl), dumped)
            for key, ttl, dumped in zip(keys, found[::2], found[1::2], strict=True)
            if dumped is not None
        }

    def go_back(self, snapshot: Snapshot) -> None:
        """Hold what was held then, and nothing else."""
        pipe = super().pipeline(transaction=True)
        pipe.flushdb()
        for key, (ttl, dumped) in snapshot.items():
            pipe.restore(key, ttl, dumped)
        pipe.execute()


def _told(args: tuple[Any, ...]) -> str:
    if args[0] in ("EVALSHA", "EVAL"):
        # Namespace, time, and perhaps the server's run id stand before what the script is about.
        return "redis " + " ".join(_short(each) for each in (_names().get(args[1], "?"), *args[5:]))
    return "redis " + " ".join(_short(each) for each in args)


@functools.cache
def _names() -> dict[str, str]:
    """The scripts by their digests."""
    folder = files("workers.engine") / "scripts"
    prelude = (folder / "_prelude.lua").read_bytes()
    return {
        hashlib.sha1(prelude + each.read_bytes(), usedforsecurity=False).hexdigest(): each.name.removesuffix(".lua")
        for each in folder.iterdir()
    }


def _short(arg: Any) -> str:
    text = arg.decode("utf-8", "replace") if isinstance(arg, bytes) else str(arg)
    return text if len(text) <= 60 else f"{text[:57]}..."
