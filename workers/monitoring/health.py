"""Health checks, for a container or a load balancer: one line of why, and an exit code (0 is healthy).

`python -m workers.monitoring.health` checks the `rushes worker` of this machine;
`python -m workers.monitoring.health http://127.0.0.1:5555/healthcheck` checks whatever answers HTTP there.
"""

from __future__ import annotations

import http.client
import socket
import sys
import urllib.error
import urllib.request

import redis
from kombu.exceptions import KombuError

from jobs.errors import RushesError

PATIENCE_SECONDS = 5.0

PROCESSES = ("steps", "collect")
"""The two that `rushes worker` keeps running."""


def ask_worker(host: str, *, seconds: float = PATIENCE_SECONDS) -> str | None:
    """What is wrong with the `rushes worker` on `host`, or None.

    Both of its processes are asked through Redis, as a step would reach them: that they are alive but cut off, or
    stuck, is found out too. Raises `SettingsError` when the settings can't be read.
    """
    from workers.celery import app  # reads the settings, which a check over HTTP does without

    for process in PROCESSES:
        try:
            inspect = app.control.inspect(timeout=seconds, limit=1, pattern=f"{process}@{host}-*", matcher="glob")
            answer = inspect.ping()
        except (KombuError, redis.RedisError, OSError) as error:
            return f"Redis can't be reached: {error}"
        if not answer:
            return f"no answer from {process}@{host} within {seconds:.0f} s"
    return None


def ask_http(url: str, *, seconds: float = PATIENCE_SECONDS) -> str | None:
    """What is wrong with the server at `url`, or None when it answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as response:
            return None if response.status == 200 else f"{url} answers {response.status}"
    except urllib.error.HTTPError as error:
        return f"{url} answers {error.code}"
    except (OSError, http.client.HTTPException) as error:
        return f"{url} doesn't answer: {error}"


def main(arguments: list[str]) -> int:
    """Check what the arguments name, print what was found, and return the exit code: 0 is healthy."""
    try:
        wrong = ask_http(arguments[0]) if arguments else ask_worker(socket.gethostname())
    except RushesError as error:
        wrong = str(error)
    sys.stdout.write(f"{wrong or 'healthy'}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
