"""Poll: ask how jobs are, many at once. A poll that fails is not a verdict: the job is kept and asked for again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from jobs.takes import Take
from workers.context import Context
from workers.engine.states import State
from workers.engine.work import Stay, TakeRecord, Work, as_ms
from workers.errors import SettingsError, TakeForgotten
from workers.http.errors import Broken, NotSent
from workers.inputs.resolving import without_secrets
from workers.logs.subject import Subject, about
from workers.polling.company import CROWD, in_company, spared
from workers.polling.placing import Bounds, Seen, fixed_gap, lesson, pace
from workers.providers import adapter
from workers.providers.errors import Expired, ProviderError, Transient
from workers.providers.protocol import (
    Access,
    AskNext,
    Cancelling,
    Ended,
    Gone,
    Job,
    Queued,
    Rendered,
    Request,
    Response,
    Running,
    Verdict,
)
from workers.steps.answer import as_rendered, being_filed, file_again
from workers.steps.failures import CANCELLED_WHILE_RUNNING, STORE_SECONDS, end_attempt, hold_back
from workers.steps.spans import end_span
from workers.traces.steps import Span, unheard
from workers.webhooks.paths import heard

log = logging.getLogger(__name__)

POLL_SECONDS = 30.0
"""The deadline of one round of questions; a poll's lease outlives two of them."""

GONE_BELIEVED = 6
"""A provider that has just accepted a job may not find it at once; it is believed when it says so this often."""

ENDED_BELIEVED = 2
"""A gateway on the way may fail in the provider's own words, and a new attempt for a job that lives is paid twice."""

NO_KEY_SECONDS = 30.0

STRETCH = 3.0
"""Polls of a job that the provider will call about are this much rarer, while its calls are known to come through."""

STILL_QUEUED_SECONDS = 10.0
"""How long "queued" is believed. Ark deletes a task that is over by then, and its video with it."""


@dataclass
class _Asking:
    """One job being asked about, and what to ask next."""

    work: Work
    record: TakeRecord
    take: Take
    job: Job
    access: Access
    request: Request
    asked_at: float = 0.0
    """By the process's own clock that only grows."""

    polled_at: float = 0.0
    """By Redis's clock: what polls say is held together across workers."""

    span: Span = field(default_factory=unheard)
    said: dict[str, str] = field(default_factory=dict)


@dataclass
class _Round:
    """One message of polls: what is to be asked about again, and what was found out on the way."""

    context: Context
    stays: list[Stay] = field(default_factory=list)
    _in_flight: dict[str, int] = field(default_factory=dict)

    def in_flight(self, provider: str) -> int:
        """How many takes a provider had in flight, as the first of this round to ask was told."""
        if provider not in self._in_flight:
            self._in_flight[provider] = self.context.room.in_flight(provider)
        return self._in_flight[provider]

    def stay(self, work: Work, delay: float, fields: Mapping[str, object]) -> None:
        """Let a take's job be asked about again after `delay` seconds."""
        self.stays.append(Stay(work, State.RENDERING, delay, fields))

    def close(self) -> None:
        """Put back what is to be asked about again, all together: a round trip each would cost more than asking."""
        if any(many >= CROWD for many in self._in_flight.values()):
            now = self.context.room.time()
            self.stays = [replace(stay, delay=in_company(stay.delay, now)) for stay in self.stays]
        self.context.room.stay(self.stays)


def poll(context: Context, works: list[Work]) -> None:
    """Ask how each of these takes' jobs is, and carry each on by what is said. Stale hands do nothing."""
    round = _Round(context)
    try:
        _ask(round, works)
    finally:
        round.close()


def _ask(round: _Round, works: list[Work]) -> None:
    context = round.context
    records = context.room.takes([(work.batch, work.index) for work in works])
    mine = [(work, record) for work, record in zip(works, records, strict=True) if _is_mine(record, work)]
    takes = context.takes([(work.batch, work.index) for work, _ in mine])
    prepared = [_prepare(round, work, record, take) for (work, record), take in zip(mine, takes, strict=True)]
    asking = [one for one in prepared if one is not None]
    rounds = 0
    while asking:
        rounds += 1
        polled_at = context.room.time()
        for one in asking:
            one.asked_at, one.polled_at = context.clock.monotonic(), polled_at
            one.span = context.traces.begin("poll", one.take, one.record.attempt)
        answers = context.wire.send_many([one.request for one in asking], timeout=POLL_SECONDS)
        again = []
        for one, answer in zip(asking, answers, strict=True):
            told = without_secrets(one.record.value("inputs"), answer)
            with about(Subject(one.take.batch, one.take.name, one.record.attempt)):
                following = _settle(round, one, told, last=rounds > 1)
            end_span(context, one.span, told, **one.said)
            if following is not None:
                one.request = following
                again.append(one)
        asking = again


def _is_mine(record: TakeRecord | None, work: Work) -> TypeGuard[TakeRecord]:
    return record is not None and record.state is State.RENDERING and record.fence == work.fence and bool(record.job)


def _prepare(round: _Round, work: Work, record: TakeRecord, take: Take | None) -> _Asking | None:
    context = round.context
    assert record.job is not None
    if take is None:
        # The others are asked about all the same, and this one when the batch was held against the store.
        if not being_filed(context, record):
            file_again(context, record)
        round.stay(work, STORE_SECONDS, {"waits_for": str(TakeForgotten(work.batch, work.index))})
        return None
    if being_filed(context, record) or not file_again(context, record):
        _later(round, take, work, record, seconds=STORE_SECONDS)
        return None
    delivered = record.value("delivered")
    if delivered is not None:
        # The submission was answered with the video itself; there is nobody to ask.
        context.room.move(work, State.RENDERING, State.COLLECTING, fields={"rendered": delivered, "acceptance": None})
        return None
    job = Job(record.job["id"], record.job["urls"])
    try:
        access = context.access(take.provider)
    except SettingsError as error:
        _later(round, take, work, record, seconds=NO_KEY_SECONDS, why=str(error))
        return None
    return _Asking(work, record, take, job, access, adapter(take.provider).status(job, access))


def _settle(round: _Round, one: _Asking, answer: Response | NotSent | Broken, *, last: bool) -> Request | None:
    context = round.context
    if not isinstance(answer, Response):
        _later(round, one.take, one.work, one.record, why=str(answer))
        return None
    try:
        verdict = adapter(one.take.provider).verdict(one.job, one.request, answer, one.access)
    except ProviderError as error:
        hold_back(context, one.take.provider, error, following=True)
        _later(round, one.take, one.work, one.record, seconds=error.retry_after, why=str(error))
        return None
    if isinstance(verdict, AskNext):
        if not last:
            return verdict.request
        _later(round, one.take, one.work, one.record, why="the provider sent us from one answer to the next")
        return None
    _carry_on(round, one, verdict)
    return None


def _carry_on(round: _Round, one: _Asking, verdict: Verdict) -> None:
    context = round.context
    one.said = {"rushes.verdict": type(verdict).__name__.lower()}
    match verdict:
        case Rendered():
            moved = context.room.move(
                one.work,
                State.RENDERING,
                State.COLLECTING,
                fields={
                    "rendered": as_rendered(verdict),
                    "rendered_at": as_ms(context.clock.now()),
                    "acceptance": None,
                    "waits_for": None,
                },
            )
            if moved:
                _learn(context, one)
        case Ended(Transient() as error) if int(one.record.fields.get("ended", 0)) + 1 < ENDED_BELIEVED:
            _later(
                round, one.take, one.work, one.record, why=str(error), ended=int(one.record.fields.get("ended", 0)) + 1
            )
        case Ended(error):
            log.warning("%s: %s", one.take.name, context.clean(str(error)))
            if not end_attempt(context, one.record, one.work, error):
                _later(round, one.take, one.work, one.record, seconds=STORE_SECONDS)
        case Gone(error):
            seen = int(one.record.fields.get("gone", 0)) + 1
            if seen >= GONE_BELIEVED:
                gone = Expired(
                    f"{one.take.provider} says it knows no job {one.job.id}, {seen} times in a row: {error}",
                    status=error.status,
                    body=error.body,
                )
                if end_attempt(context, one.record, one.work, gone):
                    return
            _later(round, one.take, one.work, one.record, why=str(error), gone=seen)
        case Queued() | Running() | AskNext():
            if one.record.fields.get("cancelling") == "wanted" and _cancel(round, one, verdict):
                return
            _later(
                round,
                one.take,
                one.work,
                one.record,
                saw=None if isinstance(verdict, AskNext) else verdict,
                at=one.polled_at,
            )


def _cancel(round: _Round, one: _Asking, verdict: Queued | Running | AskNext) -> bool:
    """Ask the provider to end a job that isn't finished. False when that is to be tried again at the next poll."""
    context = round.context
    translator = adapter(one.take.provider)
    running = not isinstance(verdict, Queued)
    if not isinstance(translator, Cancelling) or (running and translator.cancels == "queued"):
        why = f"{one.take.provider} can't cancel a job that {'is being rendered' if running else 'it has accepted'}"
        _later(round, one.take, one.work, one.record, why=f"{why}: it is paid for, and will be kept", cancelling="kept")
        return True
    if translator.cancels == "queued" and context.clock.monotonic() - one.asked_at > STILL_QUEUED_SECONDS:
        return False
    # Not sent late either, by a process that was stopped meanwhile.
    until = STILL_QUEUED_SECONDS if translator.cancels == "queued" else POLL_SECONDS
    answer = context.wire.send_many([translator.cancellation(one.job, one.access)], timeout=until)[0]
    if not isinstance(answer, Response):
        return False
    try:
        noted = translator.cancelled(answer)
    except ProviderError as error:
        hold_back(context, one.take.provider, error, following=True)
        return False
    told = CANCELLED_WHILE_RUNNING if running else "asked"
    _later(round, one.take, one.work, one.record, cancelling=told if noted else "kept", soon=True)
    return True


def _learn(context: Context, one: _Asking) -> None:
    """Remember how long it took. A video that was asked for once more, or found after a doubt, says nothing of that."""
    submitted, last = one.record.time("submitted_at"), one.record.time("polled_at")
    if submitted is None or one.record.orphan_of is not None or "links" in one.record.fields:
        return
    if last is None and one.record.fields.get("polls") != "0":
        return
    seen = Seen.read(one.record.fields, submitted)
    context.renders.learn(one.take, lesson(seen, submitted if last is None else last, one.polled_at))


def _later(
    round: _Round,
    take: Take,
    work: Work,
    record: TakeRecord,
    *,
    seconds: float | None = None,
    why: str | None = None,
    saw: Queued | Running | None = None,
    at: float | None = None,
    gone: int | None = None,
    ended: int | None = None,
    cancelling: str | None = None,
    soon: bool = False,
) -> None:
    context = round.context
    settings = context.settings.provider(take.provider)
    bounds = Bounds(settings.first_poll, settings.slowest_poll)
    submitted = record.time("submitted_at")
    seen = Seen.read(record.fields, 0.0 if submitted is None else submitted)
    fields: dict[str, object] = {"position": None, "position_at": None}
    if saw is None or at is None or submitted is None:
        # It said nothing of how far the job is: asked again as one that nothing is known of.
        now = seen.silent()
        placed = fixed_gap(0 if soon else now.polls, bounds)
    else:
        now = seen.waiting(at, saw.position) if isinstance(saw, Queued) else seen.rendering(at)
        placed = context.renders.known(take).gap(now, at, bounds, pace=pace(seen, now))
        if "webhook" in record.fields and context.room.remembered(heard(take.provider)) is not None:
            placed = min(bounds.slowest, placed * STRETCH)
        fields = {
            "polled_at": as_ms(at),
            "queued_at": None if now.queued is None else as_ms(now.queued),
            "running_at": None if now.running is None else as_ms(now.running),
            "position": now.position,
            "position_at": None if now.position_at is None else as_ms(now.position_at),
        }
    if isinstance(saw, Queued):
        fields["position"] = saw.position
    kept = {} if cancelling is None else {"cancelling": cancelling}
    if not soon:
        placed = spared(placed, round.in_flight(take.provider), bounds)
    round.stay(
        work,
        placed if seconds is None else max(placed, seconds),
        {
            "polls": 0 if soon else now.polls,
            "waits_for": None if why is None else context.clean(why),
            "gone": gone,
            "ended": ended,
            **fields,
            **kept,
        },
    )
