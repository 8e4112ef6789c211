"""Attempts in doubt: what a person has to know of them, and what becomes of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from jobs.errors import RushesError
from jobs.takes import Take
from workers.context import Context
from workers.decisions.giving_up import give_up
from workers.decisions.outcome import Amount, Bill, Outcome, most_for, stand_of
from workers.decisions.targets import Aim, Target, aim_at
from workers.engine.states import State
from workers.engine.work import TakeRecord
from workers.errors import ObjectMissing
from workers.http.errors import Broken, NotSent
from workers.ledger import Intent
from workers.providers import adapter
from workers.providers.errors import ProviderError
from workers.providers.protocol import Gone, Job, Request, Response
from workers.steps.answer import accepted
from workers.steps.settle import resubmit, settled_by_record

How = Literal["resubmit", "adopt", "waive"]

ASK_SECONDS = 30.0
READS_AT_ONCE = 16
PROMPT_SHOWN = 80
TRIES = 5
"""A take that is being settled at the same moment moves on under our hands, and is looked at again so often."""


class NotAdopted(RushesError):
    """The job that was named is not one that this take could be given."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Doubt:
    """A take in doubt. `since` is when it was submitted, in seconds since the epoch.

    `highest_price` is the most that it may have cost, None where that isn't known. `settling` says that the provider,
    or the store, will still be asked about it. `prompt` is how its prompt begins: with it and the time, a person finds
    it in the provider's own list.
    """

    take: str
    attempt: int
    provider: str
    since: float | None
    highest_price: Decimal | None
    currency: str | None
    message: str
    settling: bool
    prompt: str

    def to_json(self) -> dict[str, Any]:
        """As plain text and numbers; amounts are text."""
        return {
            "take": self.take,
            "attempt": self.attempt,
            "provider": self.provider,
            "since": self.since,
            "highest_price": None if self.highest_price is None else f"{self.highest_price.normalize():f}",
            "currency": self.currency,
            "message": self.message,
            "settling": self.settling,
            "prompt": self.prompt,
        }

    @property
    def price(self) -> str:
        """What it may have cost, in words."""
        if self.highest_price is None:
            return "an unknown sum"
        return f"{self.highest_price.normalize():f} {self.currency}"


def doubts(context: Context, target: Target | str) -> list[Doubt]:
    """The takes of a target that are in doubt, by index.

    Raises `UnknownTarget`, and the errors of Redis and the store.
    """
    aim = aim_at(context, Target.parse(target) if isinstance(target, str) else target)
    records = _in_doubt(context, aim)
    settling = context.room.being_settled(aim.batch) if records else set()
    with ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="doubts") as pool:
        return list(pool.map(lambda record: _doubt(context, aim, record, record.index in settling), records))


def resubmission(context: Context, target: Target) -> Bill:
    """What it may cost to submit the doubts of a target once more. Raises as `doubts` does."""
    aim = aim_at(context, target)
    return Bill.of(most_for(context, _take(aim, record)) for record in _in_doubt(context, aim))


def resolve(context: Context, target: Target, how: How, job_id: str | None = None, *, force: bool = False) -> Outcome:
    """Decide about all doubts of a target.

    `resubmit`: submit them once more, though they may have been paid for. `adopt`: follow the job that a person found,
    of a single take alone; with `force` even one that the provider doesn't know, or another take has. `waive`: give
    them up. One whose acceptance the store knows is followed, whatever was decided.

    Raises `NotAdopted`, `UnknownTarget`, and the errors of the provider's settings, Redis and the store.
    """
    aim = aim_at(context, target)
    if how == "adopt" and (aim.index is None or not job_id):
        raise NotAdopted("a job can be adopted for a single take alone: name the take, and the job's id")
    takes = {}
    for record in _in_doubt(context, aim):
        takes[aim.name(record.index)] = _decide(context, aim, record, how, job_id, force=force)
    if aim.index is not None and not takes:
        state = context.room.census(aim.batch).state(aim.index)
        takes[aim.name(aim.index)] = f"not in doubt, but {state}; nothing was changed"
    context.wake()
    return Outcome(aim.called, stand_of(context, aim), takes)


def _in_doubt(context: Context, aim: Aim) -> list[TakeRecord]:
    return [record for record in context.room.held(aim.batch, State.DOUBT) if record.index in aim]


def _take(aim: Aim, record: TakeRecord) -> Take:
    """The take, at the provider that its attempt was sent to."""
    return aim.expansion[record.index].at(record.fields.get("lane"))


def _doubt(context: Context, aim: Aim, record: TakeRecord, settling: bool) -> Doubt:
    take = _take(aim, record)
    intent = _intent(context, aim, record)
    price = most_for(context, take) if intent is None else _price_of(intent)
    submitted = record.time("submitted_at")
    return Doubt(
        take=take.name,
        attempt=record.attempt,
        provider=take.provider,
        since=submitted if submitted is not None or intent is None else intent.at,
        highest_price=None if price is None else price[0],
        currency=None if price is None else price[1],
        message=str((record.value("error") or {}).get("message", "no reason was kept")),
        settling=settling,
        prompt=take.asked.prompt[:PROMPT_SHOWN],
    )


def _intent(context: Context, aim: Aim, record: TakeRecord) -> Intent | None:
    try:
        return context.ledger(aim.batch).intent(aim.name(record.index), record.attempt)
    except ObjectMissing:
        return None


def _price_of(intent: Intent) -> Amount | None:
    if intent.highest_price is None or intent.currency is None:
        return None
    return intent.highest_price, intent.currency


def _decide(context: Context, aim: Aim, record: TakeRecord, how: How, job_id: str | None, *, force: bool) -> str:
    take, index = _take(aim, record), record.index
    if settled_by_record(context, record, take):
        return "rendering: the store knew that it was accepted"
    if how == "waive":
        return give_up(context, aim, index, State.WAIVED, "a person waived it")
    if how == "adopt":
        assert job_id is not None
        return _adopt(context, aim, record, job_id, force=force)
    if not aim.expansion.is_live(index):
        return "in doubt, and nobody asks for it any more: waive it, or adopt its job"
    for _ in range(TRIES):
        if resubmit(context, record, take, "in doubt, and a person had it submitted once more"):
            return f"waiting, for attempt {record.attempt + 1}"
        again = context.room.take(aim.batch, index)
        if again is None or again.state is not State.DOUBT or again.attempt != record.attempt:
            break
        record = again
    return f"{context.room.census(aim.batch).state(index)} by now"


def _adopt(context: Context, aim: Aim, record: TakeRecord, job_id: str, *, force: bool) -> str:
    take = _take(aim, record)
    translator = adapter(take.provider)
    access = context.access(take.provider)
    job = translator.named(job_id, take.asked, access)
    if not force:
        other = _whose(context, aim, record, job)
        if other is not None:
            raise NotAdopted(
                f"job {job.id} is that of {other} already; look for the one that renders {take.name}, "
                "or say --force if you are sure"
            )
        _ask(context, take.provider, job, translator.status(job, access))
    accepted(context, aim.batch, record.index, record.attempt, take, job, Response(0, {}, b"null"))
    state = context.room.census(aim.batch).state(record.index)
    return (
        f"{state}, as job {job.id}" if state is State.RENDERING else f"{state} by now; job {job.id} is followed besides"
    )


def _ask(context: Context, provider: str, job: Job, request: Request) -> None:
    """Make sure that the provider knows the job. Raises `NotAdopted` when that can't be known."""
    answer = context.wire.send_many([request], timeout=ASK_SECONDS)[0]
    if isinstance(answer, NotSent | Broken):
        raise NotAdopted(
            f"{provider} can't be asked about job {job.id} just now: {context.clean(str(answer))}. Try again"
        )
    try:
        verdict = adapter(provider).verdict(job, request, answer, context.access(provider))
    except ProviderError as error:
        raise NotAdopted(
            f"{provider} doesn't say whether there is a job {job.id}: {context.clean(str(error))}"
        ) from error
    if isinstance(verdict, Gone):
        raise NotAdopted(
            f"{provider} knows no job {job.id}: {context.clean(str(verdict.error))}. Check the id, or say --force"
        )


def _whose(context: Context, aim: Aim, record: TakeRecord, job: Job) -> str | None:
    """Which other take has this job, as far as Redis and the batch's own record tell; None when it is nobody's."""
    if job.id in context.room.orphans(aim.batch):
        return f"a take of {aim.batch} that went on without it"
    for batch in context.room.batches():
        for index in context.room.alive(batch):
            other = context.room.take(batch, index)
            mine = batch == aim.batch and index == record.index
            if other is not None and not mine and other.job is not None and other.job["id"] == job.id:
                return f"{batch}/{context.take(batch, index).name}"
    ledger = context.ledger(aim.batch)
    found = [attempt for attempt in ledger.attempts() if attempt.accepted]

    def id_of(at: int) -> str:
        return ledger.acceptance(found[at].take, found[at].attempt).job_id

    with ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="doubts") as pool:
        for attempt, known in zip(found, pool.map(id_of, range(len(found))), strict=True):
            if known == job.id:
                return f"{aim.batch}/{attempt.take}"
    if context.room.known_jobs(_take(aim, record).provider, [job.id]):
        return "another take"
    return None
