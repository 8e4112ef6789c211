"""Holding what Redis believes of a batch's takes against what the store has on record of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from jobs.takes.expansion import Expansion
from workers.context import Context
from workers.engine.states import State, Step
from workers.engine.work import TakeRecord, Work, as_ms
from workers.errors import ObjectMissing, RedisError
from workers.ledger import CARRIED, RESUBMITTED, UNSENT, Acceptance, AttemptRecord, Ending, Intent, Ledger, orphan_token
from workers.money import reservation, spent_on_record
from workers.providers import adapter
from workers.receipts import done_takes, read_receipt
from workers.reuse import copy_all, from_other_batches, twins
from workers.steps.answer import job_fields
from workers.steps.carrying import REFUSALS, TRIED, WAYS
from workers.steps.settle import settled_by_record
from workers.steps.submit import webhook_of
from workers.webhooks.paths import Called, fingerprint

log = logging.getLogger(__name__)

FREE_AGAIN = frozenset({"transient", "rate", "auth", "quota", "parent"})
"""Failures that cost nothing: running the batch again tries these takes again."""

GO_ON = FREE_AGAIN | {RESUBMITTED, "retried", UNSENT, CARRIED}
"""Endings after which the next attempt was to be made."""

STILL_PAID = frozenset({"damaged"})
"""Failures of a take that was rendered and paid for: running the batch again asks for its video again."""

GIVEN_UP = {"waived": State.WAIVED, "cancelled": State.CANCELLED}
"""What a person decided, as it is on record."""

NOT_SENT = (State.WAITING, State.BLOCKED, State.ADMITTED)
"""States in which, as far as Redis knows, nothing of the attempt was sent, or it is to be sent again."""

OPEN = (State.DOUBT, State.RENDERING, State.COLLECTING, State.SUBMITTING, State.ADMITTED)


class Emptied(RedisError):
    """Redis lost the batch while it was being opened."""

    def __init__(self, batch: str) -> None:
        super().__init__(f"Redis was emptied while the batch {batch!r} was being opened; try again")


class Overtaken(RedisError):
    """Another command has let the batch grow into another manifest while this one was opening it."""

    def __init__(self, batch: str) -> None:
        super().__init__(f"another command has opened the batch {batch!r} meanwhile; run it again")


@dataclass(frozen=True, slots=True)
class Found:
    """How many takes were found to be what."""

    done: int
    followed: int
    doubted: int
    retried: int
    lost: int
    reused: int


def reconcile(
    context: Context,
    expansion: Expansion,
    ledger: Ledger,
    believed: set[int],
    *,
    unsure: bool,
    grown: bool,
    again: bool,
    server: str,
) -> Found:
    """Bring Redis in line with the store, and let the batch's takes be admitted.

    `believed` are the takes that Redis believes to be done. `unsure` says that Redis lost the batch, or was started
    anew, so that what it holds may be older than the record. `grown` says that the manifest is another one by now, and
    `again` that a person runs the batch, who wants what failed at no cost to be tried again. `server` is the run id of
    Redis when what it believes was read.

    Raises `Emptied` when Redis lost the batch, or was started anew, meanwhile, and `Overtaken` when it has grown.
    """
    batch = expansion.manifest.batch
    # The attempts first: what is done meanwhile then has its receipt.
    attempts = {
        index: (name, list(found))
        for name, found in groupby(ledger.attempts(), key=lambda attempt: attempt.take)
        if (index := expansion.find(name)) is not None
    }
    stored = set(done_takes(context.store, batch))
    had = {index for name in stored if (index := expansion.find(name)) is not None}
    held = {index for index in had if expansion.is_live(index)}
    lost = believed - had
    context.room.mark_done(batch, held - believed)
    if unsure:
        context.room.mark_done(batch, _done_before(context, batch, stored, expansion), gone_back=True)

    came: dict[int, State | None] = {}
    for index, (_, found) in attempts.items():
        if index in had:
            continue
        one = _OneTake(context, ledger, expansion, index, found)
        came[index] = one.bring(receipt_lost=index in lost, unsure=unsure)
    for index in lost - attempts.keys():
        if not expansion.is_live(index):
            continue  # nobody asks for it any more
        context.room.adopt(batch, index, State.WAITING, {"attempt": 1}, receipt_lost=True)
    _follow_orphans(context, ledger, attempts, stored, batch)

    reused = _reuse(context, expansion, had, held, attempts, all_of_it=grown or unsure)
    retried = _retry(context, context.room.held(batch, State.FAILED)) if again else 0
    if grown or unsure:
        # A Redis that went back may have heard of a job again, and not of the money that was put aside for it.
        _reserve_anew(context, expansion, attempts.keys() - had)
    believed_spent, believed_days, unbooked = context.room.accounts(batch, expansion.manifest.providers)
    spent, days = spent_on_record(context, expansion, unbooked) if unsure or grown else (None, {})
    digest = expansion.lineage.digest()
    begun = context.room.begin(
        batch,
        spent=spent,
        believed=believed_spent,
        days={provider: (amount, believed_days[provider]) for provider, amount in days.items()},
        again=again,
        server=server,
        digest=digest,
    )
    if not begun:
        if context.room.digest(batch) not in (None, digest):
            raise Overtaken(batch)
        raise Emptied(batch)
    states = list(came.values())
    return Found(
        done=len(held) + len(reused),
        followed=states.count(State.RENDERING),
        doubted=states.count(State.DOUBT),
        retried=retried,
        lost=len(lost),
        reused=len(reused),
    )


def _done_before(context: Context, batch: str, stored: set[str], expansion: Expansion) -> list[int]:
    """What Redis, which may have gone back, believes to be under way, though that attempt has a receipt."""
    found = []
    for index in context.room.alive(batch):
        if index < expansion.total and expansion[index].name in stored:
            known = context.room.take(batch, index)
            if known is not None and known.attempt <= read_receipt(context.store, batch, expansion[index].name).attempt:
                found.append(index)
    return found


def _reserve_anew(context: Context, expansion: Expansion, begun: Iterable[int]) -> None:
    """Put aside what is under way may cost by the accounts of the manifest that holds now."""
    batch = expansion.manifest.batch
    doubts = [record.index for record in context.room.held(batch, State.DOUBT)]
    # Those that are `begun` besides may wait to be sent again under their key.
    for index in {*context.room.alive(batch), *doubts, *begun}:
        if index < expansion.total:
            context.room.reserve(batch, index, reservation(context, context.take(batch, index)))


class _OneTake:
    """One take and the record of its attempts."""

    def __init__(
        self, context: Context, ledger: Ledger, expansion: Expansion, index: int, attempts: list[AttemptRecord]
    ) -> None:
        self._context, self._ledger = context, ledger
        self._take = expansion[index]
        self._batch = expansion.manifest.batch
        self._index = index
        self._attempts = attempts
        self._latest = attempts[-1]
        self._withdrawn = not expansion.is_live(index)

    def bring(self, *, receipt_lost: bool, unsure: bool) -> State | None:
        """Take the take over from its record; the state it came to, None if Redis knew better."""
        known = self._context.room.take(self._batch, self._index)
        older = known is not None and unsure and self._is_older(known)
        if known is not None and not older:
            return self._settled(known)
        state, fields = self._on_record(trusted=not unsure)
        if self._withdrawn and state not in OPEN and "again_since" not in fields:
            return None  # nobody asks for it, and nothing of it is under way
        is_open = state in OPEN or "again_since" in fields
        # What is open costs what it costs where it is.
        lane = fields.get("lane")
        take = self._take.at(lane) if isinstance(lane, str) else self._take
        reserved = reservation(self._context, take) if is_open else (None, None)
        adopted = self._context.room.adopt(
            self._batch,
            self._index,
            state,
            fields,
            receipt_lost=receipt_lost,
            withdrawn=self._withdrawn,
            older=older,
            reserved=reserved,
        )
        return state if adopted else None

    def _is_older(self, known: TakeRecord) -> bool:
        """Whether Redis, which may have gone back, has not heard of what is on record."""
        latest = self._latest
        if latest.attempt != known.attempt:
            return latest.attempt > known.attempt
        if latest.ended:
            # Nothing of it may be sent any more, and a person may have decided about it.
            return known.state in (*NOT_SENT, State.SUBMITTING, State.DOUBT)
        if latest.accepted and known.state in NOT_SENT:
            return True
        if known.state in NOT_SENT and "again_since" not in known.fields:
            # Redis hears of a hand before the store does. Of one that Redis knows, it also knows that nothing was sent.
            return latest.intended and self._hand() != known.fields.get("hand")
        return known.state is State.SUBMITTING and latest.accepted

    def _hand(self) -> str | None:
        """Whose the intent on record is; a word that Redis never knew for one that was written without."""
        return self._ledger.intent(self._latest.take, self._latest.attempt).hand or "unknown"

    def _settled(self, known: TakeRecord) -> State | None:
        """Settle a take in doubt whose acceptance reached the store and not Redis."""
        latest = self._latest
        if known.state is not State.DOUBT or latest.attempt != known.attempt or latest.ended or not latest.accepted:
            return None
        return State.RENDERING if settled_by_record(self._context, known, self._take) else None

    def _on_record(self, *, trusted: bool) -> tuple[State, dict[str, object]]:
        latest = self._latest
        fields: dict[str, object] = {"attempt": latest.attempt, "filed": 1}
        if latest.ended:
            return self._ended(fields)
        if latest.accepted:
            acceptance = self._ledger.acceptance(latest.take, latest.attempt)
            return State.RENDERING, {**fields, "lane": acceptance.provider, **job_fields(acceptance)}
        if trusted:
            # Redis forgets nothing that may have been sent: it had come back unsent when the manifest let go of it.
            return State.WAITING, {"attempt": latest.attempt}
        intent = self._ledger.intent(latest.take, latest.attempt)
        translator = adapter(intent.provider)
        fields |= {"submitted_at": as_ms(intent.at), "lane": intent.provider, "hand": intent.hand}
        if translator.settling == "again" and self._context.room.time() - intent.at < translator.settling_seconds:
            # The same key brings the same job back, if there is one, and it has to come with the same request.
            again = {"again_since": fields["submitted_at"], "webhook": self._webhook(intent)}
            return State.WAITING, {**fields, **again}
        told = "it was about to be submitted when its state was lost, so it may have been accepted"
        fields["error"] = {"kind": "in-doubt", "message": told, "status": None, "body": None}
        return State.DOUBT, fields

    def _webhook(self, intent: Intent) -> str | None:
        """Where the provider was told to call, if that can still be known."""
        called = Called(self._batch, self._index, intent.attempt)
        url = webhook_of(self._context.settings, intent.provider, called)
        return url if url is not None and fingerprint(url) == intent.webhook else None

    def _ended(self, fields: dict[str, object]) -> tuple[State, dict[str, object]]:
        latest = self._latest
        ending = self._ledger.ending(latest.take, latest.attempt)
        fields["error"] = {"kind": ending.kind, "message": ending.message, "status": None, "body": ending.body}
        verdict = ending.decided or ending.kind
        acceptance = self._ledger.acceptance(latest.take, latest.attempt) if latest.accepted else None
        if acceptance is not None and _came_after(acceptance, ending):
            return State.RENDERING, {**fields, "error": None, "lane": acceptance.provider, **job_fields(acceptance)}
        if verdict in GO_ON:
            return State.WAITING, {**fields, "attempt": latest.attempt + 1, **self._way(verdict)}
        if acceptance is not None:
            fields |= job_fields(acceptance)
        return GIVEN_UP.get(verdict, State.FAILED), fields

    def _way(self, verdict: str) -> dict[str, object]:
        """Where a take whose manifest names several providers goes on, by what its attempts came to."""
        if len(self._take.providers) < 2:
            return {}
        asked: dict[int, str] = {}
        refused = []
        for attempt in self._attempts:
            if attempt.intended:
                asked[attempt.attempt] = self._ledger.intent(attempt.take, attempt.attempt).provider
            if attempt.ended and attempt.attempt in asked:
                ending = self._ledger.ending(attempt.take, attempt.attempt)
                refused += [asked[attempt.attempt]] if ending.decided == CARRIED and ending.kind in REFUSALS else []
        last = asked.get(self._latest.attempt)
        way: dict[str, object] = {"refused": " ".join(dict.fromkeys(refused))} if refused else {}
        if last is not None and verdict == RESUBMITTED:
            way["bound"] = last  # it may have been paid for there
        elif last is not None and verdict in TRIED:
            way["tried"] = last
        return way


def _came_after(acceptance: Acceptance, ending: Ending) -> bool:
    """Whether a job was named for an attempt that a person had decided about, not knowing of it: it is paid for."""
    # What was submitted once more was in doubt, so no job of it was known.
    return ending.kind == RESUBMITTED or (ending.kind in GIVEN_UP and acceptance.at > ending.at)


def _follow_orphans(
    context: Context,
    ledger: Ledger,
    attempts: dict[int, tuple[str, list[AttemptRecord]]],
    stored: set[str],
    batch: str,
) -> None:
    """Take up again what came besides a take's own job, and is neither stored nor over."""
    for index, (name, found) in attempts.items():
        for attempt in found[:-1]:
            _follow_given_up(context, ledger, attempt, index, stored, batch)
        for attempt in found:
            for token, ended in attempt.orphans.items():
                if ended or f"{name}.orphan-{token}" in stored:
                    continue
                try:
                    acceptance = ledger.acceptance(name, attempt.attempt, orphan=token)
                except ObjectMissing:
                    continue
                assert orphan_token(acceptance.job_id) == token
                if attempt.accepted and ledger.acceptance(name, attempt.attempt).job_id == acceptance.job_id:
                    continue  # it was heard of too early or twice, and is the take's own
                fields = {**job_fields(acceptance), "lane": acceptance.provider, "filed": 1}
                outcome = context.room.accept(
                    batch,
                    index,
                    attempt=attempt.attempt,
                    besides=attempt.accepted,
                    job_id=acceptance.job_id,
                    first_poll=0.0,
                    fields=fields,
                    provider=acceptance.provider,
                )
                if outcome == "rendering":
                    ledger.accept(acceptance)  # or it would be followed besides its own take, once that is done


def _follow_given_up(
    context: Context, ledger: Ledger, attempt: AttemptRecord, index: int, stored: set[str], batch: str
) -> None:
    """Follow the job of an attempt that was in doubt and submitted once more, if it was named after all.

    Whoever was told of it put it on record, and may have died before Redis was back.
    """
    if not (attempt.accepted and attempt.ended):
        return
    name, number = attempt.take, attempt.attempt
    if ledger.ending(name, number).kind != RESUBMITTED:
        return
    acceptance = ledger.acceptance(name, number)
    token = orphan_token(acceptance.job_id)
    if attempt.orphans.get(token) or f"{name}.orphan-{token}" in stored:
        return
    fields = {**job_fields(acceptance), "lane": acceptance.provider, "filed": 1}
    job = acceptance.job_id
    context.room.accept(batch, index, attempt=number, besides=True, job_id=job, first_poll=0.0, fields=fields)


def _reuse(
    context: Context,
    expansion: Expansion,
    had: set[int],
    held: set[int],
    attempts: dict[int, tuple[str, list[AttemptRecord]]],
    *,
    all_of_it: bool,
) -> set[int]:
    """Give takes that nobody has begun what others have that ask for the same; which ones were given something."""
    manifest = expansion.manifest
    reuse = manifest.reuse and all_of_it
    if expansion.live_total == expansion.total and not reuse:
        return set()
    batch = manifest.batch
    withdrawn = sorted(had - held)
    alive = {index for index in context.room.alive(batch) if index < expansion.total}
    gone = sorted(index for index in attempts.keys() | alive if not expansion.is_live(index) and index not in had)
    still_open = {index for index in gone if _is_open(context, batch, index)}
    # Read last: what has come to its end since its receipt was looked for is done by now.
    under_way = sorted(still_open | (set(context.room.done(batch)) & set(gone)))
    if not withdrawn and not under_way and not reuse:
        return set()
    begun = {index for index in attempts if not _merely_waits(context, batch, index, attempts[index][1])}
    wanted = [
        index
        for span in expansion.live
        for index in range(span.start, span.end)
        if index not in held and index not in begun
    ]
    found, awaited = twins(expansion, wanted, withdrawn, under_way)
    if reuse:
        rest = [index for index in wanted if index not in found and index not in awaited]
        found |= from_other_batches(context.store, expansion, rest)
    given = copy_all(context, found, expansion)
    context.room.mark_done(batch, given)
    context.room.count(batch, objects=sum(given.values()))
    for index, twin in awaited.items():
        if not context.room.adopt(batch, index, State.BLOCKED, {"attempt": 1, "blocked_on": twin}):
            known = context.room.take(batch, index)
            if known is not None:
                _wait_for_twin(context, known, twin)
    return set(given)


def _wait_for_twin(context: Context, known: TakeRecord, twin: int) -> None:
    work = Work(Step.SUBMIT, known.batch, known.index, known.fence, known.attempt)
    if known.state is State.BLOCKED and "chained" in known.fields:
        # It waits for what it takes up; what its twin brings comes without.
        freed = {"blocked_on": None, "chained": None}
        if not context.room.move(work, State.BLOCKED, State.WAITING, fields=freed):
            return
    elif known.state is not State.WAITING:
        return
    context.room.move(work, State.WAITING, State.BLOCKED, fields={"blocked_on": twin})


def _merely_waits(context: Context, batch: str, index: int, found: list[AttemptRecord]) -> bool:
    """Whether a take that has a record waits, and never came to be sent: it had been given up before, and is wanted."""
    if any(attempt.intended or attempt.accepted for attempt in found):
        return False
    known = context.room.take(batch, index)
    return known is not None and known.state is State.WAITING


def _is_open(context: Context, batch: str, index: int) -> bool:
    known = context.room.take(batch, index)
    return known is not None and (known.state in OPEN or "again_since" in known.fields)


def _retry(context: Context, failed: Iterable[TakeRecord]) -> int:
    """Send takes that failed at no cost back to waiting, and those that are paid for back to their provider."""
    retried = 0
    for record in failed:
        error = record.value("error") or {}
        work = Work(Step.SUBMIT, record.batch, record.index, record.fence, record.attempt)
        if error.get("kind") in FREE_AGAIN:
            gone = ("failures", "job", "job_id", "polls", *WAYS)
            fields = {**dict.fromkeys(gone), "attempt": record.attempt + 1}
            retried += context.room.move(work, State.FAILED, State.WAITING, fields=fields)
        elif error.get("kind") in STILL_PAID and record.job is not None:
            fields = {"damaged": None, "tries": None, "links": None, "error": None}
            retried += context.room.move(work, State.FAILED, State.RENDERING, fields=fields)
    return retried
