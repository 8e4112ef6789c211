"""What must be true at every moment of a schedule, and what at its end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from sim_batches import NAMESPACE, PRICE
from sim_provider import Job, TakeId

from workers.costs import cost_of
from workers.engine.states import State
from workers.ledger import Acceptance, Ending
from workers.money import micros

if TYPE_CHECKING:
    from sim_schedule import Schedule

R = TypeVar("R", Acceptance, Ending)

States = Mapping[TakeId, State]


def check_receipt(schedule: Schedule, key: str, body: bytes) -> None:
    """A receipt is written only for a video that was rendered as its take asks, and that is stored whole."""
    world = schedule.world
    receipt = json.loads(body)
    batch, named = receipt["batch"], receipt["take"]
    job = schedule.provider.jobs.get(receipt["job_id"])
    # A job that came besides its take has a name of its own.
    index = schedule.takes.of(schedule.batches[batch]).find(named.partition(".orphan-")[0])
    if job is None or index is None or job.prompt != schedule.prompt((batch, index)):
        raise world.violated(f"the receipt of {named} of {batch} names the job {receipt['job_id']!r}, which is {job}")
    if receipt["reused"] is None and job.take != (batch, index):
        raise world.violated(f"the receipt of {named} of {batch} is of {job.id}, which was rendered for {job.take}")
    if job.state(world.time) != "ready":
        raise world.violated(f"the receipt of {named} of {batch} is of {job.id}, which is {job.state(world.time)}")
    video = schedule.store.objects.get(receipt["video"]["key"])
    if video != job.video or hashlib.sha256(video).hexdigest() != receipt["video"]["sha256"]:
        raise world.violated(f"the receipt of {named} of {batch} is not of the video that is stored")


def check_seats(schedule: Schedule) -> None:
    """Never more seats are taken than there are, where the provider doesn't queue and nothing was forgotten.

    Nor does the provider render more at once, whatever Redis believes.
    """
    for name in schedule.provider.names_of:
        if name != "fal" and not schedule.world.redis_lost:
            _check_seats_at(schedule, name)


def _check_seats_at(schedule: Schedule, name: str) -> None:
    client, now = schedule.client, schedule.world.time
    running = [job.id for job in schedule.provider.jobs.values() if job.at == name and job.state(now) == "running"]
    if len(running) > schedule.seats and not any(schedule.given_up(job) for job in schedule.provider.jobs.values()):
        raise schedule.world.violated(
            f"{len(running)} jobs are rendered at once, with {schedule.seats} seats: {running}"
        )
    seated = client.smembers(f"{NAMESPACE}:lane:{name}:seats")
    if len(seated) > schedule.seats:
        orphans = sum(len(schedule.workers[0].context.room.orphans(batch)) for batch in schedule.batches)
        # What a person had given up, and comes after all, is not refused for want of a seat.
        given_up = sum(schedule.given_up(job) for job in schedule.provider.jobs.values())
        if len(seated) - max(orphans, given_up) > schedule.seats or not (given_up or schedule.decided):
            raise schedule.world.violated(f"{len(seated)} of {schedule.seats} seats are taken: {sorted(seated)}")


def _bill(schedule: Schedule, job: Job) -> int:
    """Micros that a job costs: less than was reserved where the tables know its real price in the budget's currency."""
    take = schedule.takes.of(schedule.batches[job.take[0]])[job.take[1]].at(job.at)
    cost = cost_of(take, None, 4.0, None)
    return PRICE if cost.amount is None or cost.currency != "USD" or job.end != "ready" else micros(cost.amount)


def check_money(schedule: Schedule) -> None:
    """What a batch has spent and reserved is within its budget, and so is what the provider would bill."""
    for batch in schedule.batches.values():
        if batch.budget is None:
            continue
        limit = round(batch.budget * 1_000_000)
        jobs = [job for job in schedule.provider.jobs.values() if job.take[0] == batch.name and job.billed]
        billed = sum(_bill(schedule, job) for job in jobs)
        if billed > limit:
            told = [f"{job.id} of {job.take}" for job in jobs]
            raise schedule.world.violated(f"{billed} are billed for {told}, and the budget of {batch.name} is {limit}")
        if schedule.world.redis_lost:
            continue
        spent, reserved = schedule.client.hmget(f"{NAMESPACE}:batch:{batch.name}", "spent", "reserved")
        if int(spent or 0) + int(reserved or 0) > limit:
            raise schedule.world.violated(
                f"{batch.name} has spent {spent} and reserved {reserved}, and its budget is {limit}"
            )
        if int(spent or 0) < 0 or int(reserved or 0) < 0:
            raise schedule.world.violated(f"{batch.name} has spent {spent} and reserved {reserved}")


def _stored(schedule: Schedule, kind: type[R], ending: str, take: TakeId, attempt: int) -> R | None:
    key = f"{take[0]}/.rushes/attempts/{schedule.name(take)}/{attempt}.{ending}.json"
    body = schedule.store.objects.get(key)
    return None if body is None else kind.from_json(body, key)


def on_record(schedule: Schedule, job: Job) -> bool:
    """Whether an acceptance in the store names the job, be it its take's own or one that came besides."""
    folder, named = f"{job.take[0]}/.rushes/attempts/{schedule.name(job.take)}/", f'"job_id": "{job.id}"'.encode()
    return any(key.startswith(folder) and named in body for key, body in schedule.store.objects.items())


def _is_stored(schedule: Schedule, job: Job) -> bool:
    """Whether the video of a job is in the store, under whatever name."""
    return job.video in schedule.store.objects.values()


def every_take_ends(schedule: Schedule, states: States) -> None:
    """Done with a receipt, failed with a class, or in doubt where nobody can settle it."""
    store = schedule.store
    for take, state in states.items():
        receipt = f"{take[0]}/{schedule.name(take)}.receipt.json" in store.objects
        if receipt and state is not State.DONE and not schedule.takes.of(schedule.batches[take[0]]).is_live(take[1]):
            raise schedule.world.violated(f"{take}, which nobody asks for any more, is {state}, and has a receipt")
        if (state is State.DONE) != receipt:
            raise schedule.world.violated(f"{take} is {state}, and its receipt is {'' if receipt else 'not '}there")
        if state is State.DONE:
            continue
        jobs = schedule.provider.by_take.get(take, [])
        record = schedule.workers[0].context.room.take(*take)
        if record is None:
            continue  # held up by doubts; else the quiet ending would not have ended
        if state is State.FAILED:
            kind = (record.value("error") or {}).get("kind")
            if not kind:
                raise schedule.world.violated(f"{take} has failed without a class")
            ready = [job for job in jobs if job.state(schedule.world.time) == "ready"]
            paid = [job.id for job in ready if not schedule.given_up(job)]
            if paid and kind != "damaged":
                raise schedule.world.violated(f"{take} has failed ({kind}), while {paid} is rendered and paid for")
        if state is State.DOUBT:
            accepted = _stored(schedule, Acceptance, "accepted", take, record.attempt)
            ended = _stored(schedule, Ending, "ended", take, record.attempt)
            if accepted is not None and ended is None:
                raise schedule.world.violated(f"{take} is in doubt, and its acceptance is in the store")


def no_job_is_forgotten(schedule: Schedule, states: States) -> None:
    """Each job that was accepted is known to Redis or to the store, or its take is in doubt.

    To be in doubt is not enough where somebody was told the job's name and lived on.
    """
    room = schedule.workers[0].context.room
    for job in schedule.provider.jobs.values():
        record = room.take(*job.take)
        known = (
            on_record(schedule, job)
            or (record is not None and record.fields.get("job_id") == job.id)
            or (record is not None and record.state is State.DOUBT and job.id not in schedule.heard)
            or schedule.given_up(job)
            # Waived by a command that died before it could put that on record, and asked for no more since.
            or (job.take not in states and {job.take, (job.take[0], None)} & schedule.decided)
            # Doubts hold all seats; once it has one, the same key brings the job back.
            or (record is not None and record.time("again_since") is not None and job.id not in schedule.heard)
            or job.id in room.orphans(job.take[0])
        )
        if not known:
            raise schedule.world.violated(
                f"{job.id} of {job.take} (attempt {job.attempt}) is forgotten; its take is {states.get(job.take)}"
            )


def what_is_paid_for_is_had(schedule: Schedule, states: States) -> None:
    """A video that was rendered is in the store, or its take is in doubt, or the job is an orphan that is told of."""
    room = schedule.workers[0].context.room
    for job in schedule.provider.jobs.values():
        if job.state(schedule.world.time) != "ready" or _is_stored(schedule, job) or schedule.given_up(job):
            continue
        record = room.take(*job.take)
        if record is not None and (record.state is State.DOUBT or record.time("again_since") is not None):
            continue
        if job.id not in room.orphans(job.take[0]):
            raise schedule.world.violated(f"{job.id} of {job.take} is rendered, and its take is {states.get(job.take)}")


def seats_come_back(schedule: Schedule, states: States) -> None:
    """Whoever has a seat is alive, or in doubt where the provider doesn't queue."""
    for name in schedule.provider.names_of:
        _seats_come_back_at(schedule, states, name)


def _seats_come_back_at(schedule: Schedule, states: States, name: str) -> None:
    seated = {each.decode() for each in schedule.client.smembers(f"{NAMESPACE}:lane:{name}:seats")}
    allowed = set()
    for take, state in states.items():
        record = schedule.workers[0].context.room.take(*take)
        again = state is State.WAITING and record is not None and record.time("again_since") is not None
        kept = (state is State.DOUBT or again) and name != "fal"
        if state in (State.ADMITTED, State.SUBMITTING, State.RENDERING) or kept:
            allowed.add(f"{take[0]}:{take[1]}")
    if seated - allowed:
        raise schedule.world.violated(f"seats are taken by {sorted(seated - allowed)}, who don't need them")


def counts_are_right(schedule: Schedule, states: States) -> None:
    """What a batch says of its takes is what they are."""
    room = schedule.workers[0].context.room
    for batch in schedule.batches:
        standing = room.standing(batch)
        assert standing is not None
        counted = {state: n for state, n in standing.states.items() if n}
        real: dict[State, int] = {}
        for take, state in states.items():
            if take[0] == batch:
                real[state] = real.get(state, 0) + 1
        if counted != real:
            raise schedule.world.violated(f"{batch} says {counted} of its takes, which are {real}")


def money_is_settled(schedule: Schedule, states: States) -> None:
    """What a batch has reserved is for takes that may still be billed."""
    room = schedule.workers[0].context.room
    for batch in schedule.batches.values():
        standing = room.standing(batch.name)
        assert standing is not None
        records = [room.take(*take) for take in states if take[0] == batch.name]
        held = sum(int(record.fields.get("reserved", 0)) for record in records if record is not None)
        if batch.budget is not None and standing.money.reserved != held:
            raise schedule.world.violated(f"{batch.name} has reserved {standing.money.reserved}, and its takes {held}")


def what_hangs_on_others_waits_for_them(schedule: Schedule, states: States) -> None:
    """No take stays blocked by one that is done or goes on, and none is begun before its parent is done."""
    for take, state in states.items():
        if state is State.FAILED:
            record = schedule.workers[0].context.room.take(*take)
            assert record is not None
            if (record.value("error") or {}).get("kind") == "parent":
                raise schedule.world.violated(f"{take} was begun before what it takes up was done")
        if state is State.BLOCKED:
            record = schedule.workers[0].context.room.take(*take)
            assert record is not None
            other = states.get((take[0], int(record.fields["blocked_on"])))
            if other in (None, State.DONE, State.ADMITTED, State.SUBMITTING, State.RENDERING, State.COLLECTING):
                raise schedule.world.violated(f"{take} is blocked by {record.fields['blocked_on']}, which is {other}")


STEP_CHECKS: Sequence[Callable[[Schedule], None]] = (check_seats, check_money)

END_CHECKS: Sequence[Callable[[Schedule, States], None]] = (
    every_take_ends,
    no_job_is_forgotten,
    what_is_paid_for_is_had,
    seats_come_back,
    counts_are_right,
    money_is_settled,
    what_hangs_on_others_waits_for_them,
)
