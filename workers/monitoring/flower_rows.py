"""One row a take in Flower, besides those of its steps: Celery's own task events, made up for the take.

Flower then shows a take as a task that ran from its submission until it was stored, with the true duration and the
address of its video. Redis forgets an event that nobody listens to, so without a Flower they cost next to nothing.
"""

from __future__ import annotations

import logging

import redis
from celery import Celery
from kombu.exceptions import KombuError

from jobs.takes import Take

log = logging.getLogger(__name__)


class FlowerRows:
    """Sends a take's events under the name of a worker (`steps@host-1`). Safe to use from any number of threads.

    While Redis can't be reached, a call takes some 6 seconds before it gives up.
    """

    def __init__(self, app: Celery, worker: str) -> None:
        self._app = app
        self._worker = worker

    def accepted(self, take: Take) -> None:
        """Show the take as started."""
        self._send(take, "task-received", "task-started")

    def done(self, take: Take, url: str, seconds: float) -> None:
        """Show the take as succeeded, `url` as its result and `seconds` as its runtime."""
        self._send(take, "task-succeeded", result=url, runtime=seconds)

    def failed(self, take: Take, message: str) -> None:
        """Show the take as failed, with the reason."""
        self._send(take, "task-failed", exception=message)

    def _send(self, take: Take, *kinds: str, **more: object) -> None:
        fields: dict[str, object] = {
            # The same at every attempt, so that a take stays one row.
            "uuid": f"{take.batch}/{take.name}",
            # A Flower that was started meanwhile has missed the events before, so each says all.
            "name": f"take · {take.asked.model}",
            "args": ", ".join(f"{axis}={value}" for axis, value in take.axes.items()),
            "kwargs": "",
            **more,
        }
        try:
            with self._app.events.default_dispatcher(hostname=self._worker) as dispatcher:
                for kind in kinds:
                    dispatcher.send(kind, **fields)
        except (KombuError, redis.RedisError, OSError) as error:
            log.debug("Flower is not told %s of %s: %s", " and ".join(kinds), fields["uuid"], error)
