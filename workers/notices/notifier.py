"""Noticing and telling: a thread in every worker, beside what renders and never in its way."""

from __future__ import annotations

import logging

from jobs.errors import RushesError
from workers.context import Context
from workers.engine.scripts import Scripts
from workers.notices.channels import NotDelivered, channels_of, deliver
from workers.notices.outbox import Notice, Outbox
from workers.reports import gather
from workers.rounds import Rounds
from workers.settings import REHEARSAL

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
MOST_AT_ONCE = 20


class Notifier:
    """Looks how all batches stand, keeps what is to be told, and brings it. Any number may be at work."""

    def __init__(self, context: Context, scripts: Scripts) -> None:
        self._context = context
        self._outbox = Outbox(scripts)
        self._channels = channels_of(context.settings)
        # What a round leaves undone comes back by its lease.
        self._rounds = Rounds(
            self.once,
            name="rushes-notifier",
            seconds=LOOK_SECONDS,
            log=log,
            trouble="nobody can be told just now",
            defect="the notifier stumbled over a defect",
        )

    def start(self) -> None:
        """Begin, if there is anybody to tell."""
        if self._channels:
            self._rounds.start()

    def stop(self) -> None:
        """Begin nothing more. What is not told yet is kept."""
        self._rounds.stop()

    def once(self, *, most: int = MOST_AT_ONCE) -> int:
        """Look, and bring what is due, `most` of it at the most; how many notices were told. Raises `RedisError`."""
        if not self._channels:
            return 0
        for batch in self._context.room.batches():
            standing = self._context.room.standing(batch)
            if standing is not None:
                self._outbox.look(standing, self._channels, self._context.settings.notices)
        told = 0
        for _ in range(most):
            notice = None if self._rounds.ended else self._outbox.take()
            if notice is None:
                break
            told += self._tell(notice)
        return told

    def _tell(self, notice: Notice) -> bool:
        try:
            rehearsed = self._context.settings.namespace == REHEARSAL
            deliver(self._context.settings, notice, gather(self._context, notice.batch, rehearsed=rehearsed))
        except RushesError as error:
            again = self._outbox.failed(notice)
            then = "it is given up" if again is None else f"trying again in {again:.0f} s"
            what = "the report on" if not isinstance(error, NotDelivered) else notice.channel
            log.warning("%s %s was not told of: %s; %s", what, notice.batch, self._context.clean(str(error)), then)
            return False
        self._outbox.delivered(notice)
        return True
