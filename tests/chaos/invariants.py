"""What must hold after a scenario, whatever was struck in it: one function each, which yields what is wrong.

`breaking` beside each spoils a copy of sound evidence so that this one must complain: an invariant that can't fail
proves nothing, and whether it can depends on the evidence too, so it is tried on that of every scenario.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from evidence import Billing, Evidence, Said, Sample, is_job

FREE = frozenset({"transient", "rate", "auth", "quota", "input-moderation", "invalid"})
"""The kinds of failure of which Rushes says that they cost nothing: what was billed under one is not flagged."""

PUT_OFF = frozenset({"rate", "auth", "quota"})
"""The kinds of failure with which a provider has not even begun."""

NAMED = {"budget": "the budget", "cancelled": "cancelled"}
"""What a batch has to say where takes wait and are not begun, by the kind of what stops it."""

FULL = "hold all"
"""What it has to say where they wait for seats that doubts hold."""

_CALLED = ("done", "in doubt", "failed", "cancelled", "waiting", "blocked")

Complaints = Iterator[str]


def billed_once(evidence: Evidence) -> Complaints:
    """Every attempt is billed at most once, and none of which it is said that it cost nothing; and what several takes
    ask for, as after an edit, is billed once for all of them.
    """
    for wanted in evidence.wanted():
        paid = [one.job for one in evidence.billings_of(wanted.prompt) if one.billed]
        may = [one for one in wanted.attempts if one.intended and one.ended not in FREE]
        if len(paid) > len(may):
            yield f"{wanted.name}: billed {len(paid)} times ({', '.join(paid)}) for {len(may)} attempts"
        for attempt in wanted.attempts:
            mine = [job for job in paid if any(is_job(told, job) for told in attempt.jobs)]
            if len(mine) > 1:
                yield f"{wanted.name}: attempt {attempt.number} was billed {len(mine)} times: {', '.join(mine)}"
        if len(wanted.takes) > 1 and len(paid) > wanted.times:
            yield f"{wanted.name}: asked for {wanted.times} times, and billed {len(paid)} times"


def accepted_is_on_record(evidence: Evidence) -> Complaints:
    """Every job that a provider accepted is in the store's record, or its attempt is in doubt and says so."""
    known = {prompt for _, _, prompt in evidence.takes()}
    for one in evidence.billings:
        if one.prompt not in known:
            yield f"job {one.job} at {one.provider} is no take's: {one.prompt!r}"
    for wanted in evidence.wanted():
        recorded = [told for attempt in wanted.attempts for told in attempt.jobs]
        # An attempt without a job on record is flagged by its verdict, or by the doubt that it is in. One that was put
        # off was not accepted, so it stands for no job.
        flagged = [one for one in wanted.attempts if not one.jobs and one.ended not in PUT_OFF]
        flagged = [one for one in flagged if one.ended is not None or one.take in wanted.batch.doubts]
        accepted = evidence.billings_of(wanted.prompt)
        missing = [one.job for one in accepted if not any(is_job(told, one.job) for told in recorded)]
        if len(missing) > len(flagged):
            yield f"{wanted.name}: accepted and not on record: {', '.join(missing)}"


def nothing_lost(evidence: Evidence) -> Complaints:
    """Every video that was billed is in the store as its take, or its take says by its state why it isn't.

    That a take was cancelled or withdrawn is no such reason: what is paid for is kept.
    """
    for wanted in evidence.wanted():
        if (wanted.batch.doubts | wanted.batch.failed).intersection(wanted.takes):
            continue
        receipts = [evidence.receipt(wanted.batch.name, take) for take in wanted.takes]
        own = [one for one in receipts if one is not None and one.get("reused") is None]
        besides = [one for take in wanted.takes for one in evidence.besides(wanted.batch.name, take)]
        for one in evidence.billings_of(wanted.prompt):
            if one.billed and not own:
                yield f"{wanted.name}: job {one.job} was billed and there is no receipt"
            elif one.billed and not any(is_job(told["job_id"], one.job) for told in (*own, *besides)):
                yield f"{wanted.name}: job {one.job} was billed, and the receipt is of {own[0]['job_id']}"


def stored_as_delivered(evidence: Evidence) -> Complaints:
    """What a receipt names lies in the store, with its bytes and its hash, and is what the provider delivered."""
    delivered = {one.job: one.sha256 for one in evidence.billings}
    for batch, take, _ in evidence.takes():
        receipt = evidence.receipt(batch.name, take)
        if receipt is None:
            continue
        for part in ("video", "last_frame"):
            told = receipt[part]
            body = evidence.objects.get(told["key"])
            if body is None:
                yield f"{batch.name}/{take}: its receipt names {told['key']}, which is not there"
            elif (len(body), hashlib.sha256(body).hexdigest()) != (told["bytes"], told["sha256"]):
                yield f"{told['key']} is not what its receipt says"
        theirs = [sha256 for job, sha256 in delivered.items() if is_job(receipt["job_id"], job)]
        if theirs != [receipt["video"]["sha256"]]:
            yield f"{batch.name}/{take}: its video is not the one that job {receipt['job_id']} delivered"


def again_is_free(evidence: Evidence) -> Complaints:
    """Running finished batches again sends no submission and writes no object, and ends as before."""
    again = evidence.again
    if again.posts:
        yield f"running it again sent {again.posts} submissions"
    if again.writes:
        yield f"running it again wrote {', '.join(again.writes)}"
    for batch, said in zip(evidence.batches, again.said, strict=True):
        if said.code != batch.said.code:
            yield f"{batch.name} ended with {batch.said.code}, and run again with {said.code}: {said.output}"


def every_batch_ends(evidence: Evidence) -> Complaints:
    """Every batch has ended, or has named what it waits for; and what it says is so."""
    for batch in evidence.batches:
        done = sum(evidence.receipt(batch.name, take) is not None for take in batch.live)
        code, output = batch.said.code, batch.said.output
        if "Traceback" in output:
            yield f"{batch.name}: a traceback: {output}"
        told = {0: "takes done", 3: " failed:", 6: " in doubt", 4: "stopped: ", 5: "stopped: ", 7: "stopped: "}
        if code not in told or told[code] not in output:
            yield f"{batch.name}: ended with {code} and does not say why: {output}"
        if code not in (0, 3, 6, 7):
            continue
        if batch.alive:
            yield f"{batch.name}: ended with {batch.alive} takes alive"
        if batch.waiting:
            kept = NAMED.get(batch.stopped or "", FULL if batch.full else None)
            if code in (0, 3) or kept is None:
                yield f"{batch.name}: ended with {code} and {batch.waiting} waiting"
            elif kept not in output:
                yield f"{batch.name}: {batch.waiting} takes wait, and it does not say: {kept}"
        if batch.blocked and (code != 6 or not batch.doubts or " blocked" not in output):
            yield f"{batch.name}: ended with {code}, and {batch.blocked} takes are blocked by nothing that is named"
        elsewhere = [names & batch.live for names in (batch.doubts, batch.failed, batch.cancelled)]
        counted = [done, *map(len, elsewhere), batch.waiting, batch.blocked]
        if sum(counted) != len(batch.live):
            of = ", ".join(f"{n} {what}" for n, what in zip(counted, _CALLED, strict=True))
            yield f"{batch.name}: {of}, of {len(batch.live)}"
        stopped = batch.waiting or batch.cancelled
        expected = 6 if batch.doubts else 7 if stopped else 3 if batch.failed else 0
        if code != expected:
            yield f"{batch.name}: ended with {code} in place of {expected}"


def seats_come_back(evidence: Evidence) -> Complaints:
    """When nothing is alive no seat is taken, but by doubts at a provider that would refuse what is too much."""
    may_hold = {batch.name: 0 if batch.queues else len(batch.doubts) for batch in evidence.batches}
    held: dict[str, int] = {}
    for member in evidence.seats:
        held[member.rpartition(":")[0]] = held.get(member.rpartition(":")[0], 0) + 1
    for name, count in held.items():
        alive = sum(batch.alive for batch in evidence.batches if batch.name == name)
        if count > may_hold.get(name, 0) + alive:
            yield f"{name} holds {count} seats with {alive} takes alive"


def no_idle_doubt(evidence: Evidence) -> Complaints:
    """What is in doubt may have been sent: there is an intent, and where no hand was lost, it did come there."""
    for batch, take, prompt in evidence.takes():
        if take not in batch.doubts:
            continue
        if not any(one.intended for one in evidence.attempts_of(batch.name, take)[-1:]):
            yield f"{batch.name}/{take}: in doubt without an intent on record"
        elif evidence.sure and prompt not in evidence.posted:
            yield f"{batch.name}/{take}: in doubt, though nothing was sent and no hand was lost"


def no_budget_exceeded(evidence: Evidence) -> Complaints:
    """Spent and reserved never come to more than the budget, nor does what the provider has billed."""
    for one in evidence.money:
        if one.spent + one.reserved > one.limit:
            yield f"{one.batch}: {one.spent} spent and {one.reserved} reserved of {one.limit}"
    for batch in evidence.batches:
        if batch.budget is None:
            continue
        if not any(one.batch == batch.name and one.spent + one.reserved for one in evidence.money):
            yield f"{batch.name}: nobody has looked at its money"
        price = {batch.prompts[take]: micros for take, micros in batch.prices.items()}
        billed = sum(price[one.prompt] for one in evidence.billings if one.billed and one.prompt in price)
        if billed > batch.budget:
            yield f"{batch.name}: {billed} billed of {batch.budget}"


def no_secret(evidence: Evidence) -> Complaints:
    """No key and no password stands in anything that was written or said."""
    for where, text in (*evidence.objects.items(), *evidence.texts.items()):
        for secret in evidence.secrets:
            if secret.encode() in text:
                yield f"a secret stands in {where}"


def nothing_stray(evidence: Evidence) -> Complaints:
    """Every object of a batch is accounted for: by a take with a receipt, or as part of the batch's record."""
    for batch in evidence.batches:
        known = {
            f"{batch.name}/{take}{ending}"
            for take in batch.prompts
            if evidence.receipt(batch.name, take) is not None
            for ending in (".mp4", ".last.png", ".poster.webp", ".receipt.json")
        }
        takes = "|".join(re.escape(take) for take in batch.prompts)
        record = re.compile(
            rf"{re.escape(batch.name)}/\.rushes/"
            rf"(manifest\.json(\.sha256)?|holds\.json|ratings\.json|attempts/({takes})/[1-9][0-9]*\.[a-z0-9.-]+\.json)"
        )
        known |= {
            f"{key.removesuffix('.receipt.json')}{ending}"
            for take in batch.prompts
            for key in evidence.keys_besides(batch.name, take)
            for ending in (".mp4", ".last.png", ".poster.webp", ".receipt.json")
        }
        known.add(f"{batch.name}/gallery.html")
        for key in evidence.objects:
            if key.startswith(f"{batch.name}/") and key not in known and not record.fullmatch(key):
                yield f"{key} is nobody's"


# --- How each can fail ---------------------------------------------------------------------------------------------


def _billed_twice(evidence: Evidence) -> Evidence:
    first = next(one for one in evidence.billings if one.billed)
    return replace(evidence, billings=(*evidence.billings, replace(first, job=f"twin-of-{first.job}")))


def _off_the_record(evidence: Evidence) -> Evidence:
    stranger = Billing("0" * 8, "fal", next(prompt for _, _, prompt in evidence.takes()), billed=False)
    return replace(evidence, billings=(*evidence.billings, stranger, replace(stranger, job="1" * 8)))


def _without_receipt(evidence: Evidence) -> Evidence:
    key = _a_receipt(evidence)
    return replace(evidence, objects={name: body for name, body in evidence.objects.items() if name != key})


def _one_byte_off(evidence: Evidence) -> Evidence:
    key = json.loads(evidence.objects[_a_receipt(evidence)])["video"]["key"]
    return replace(evidence, objects={**evidence.objects, key: evidence.objects[key] + b"\0"})


def _not_free(evidence: Evidence) -> Evidence:
    return replace(evidence, again=replace(evidence.again, posts=1))


def _hanging(evidence: Evidence) -> Evidence:
    return _with_first_batch(evidence, waiting=1, said=Said(0, "0 of 1 takes done"))


def _seated(evidence: Evidence) -> Evidence:
    seats = {f"{evidence.batches[0].name}:{index}" for index in range(len(evidence.batches[0].prompts) + 1)}
    return replace(evidence, seats=frozenset(seats))


def _in_doubt_for_nothing(evidence: Evidence) -> Evidence:
    batch = evidence.batches[0]
    take = next(iter(batch.prompts))
    intents = {key for key in evidence.objects if f"/{take}/" in key and key.endswith(".intent.json")}
    objects = {key: body for key, body in evidence.objects.items() if key not in intents}
    return _with_first_batch(replace(evidence, objects=objects), doubts=frozenset({take}))


def _overspent(evidence: Evidence) -> Evidence:
    return replace(evidence, money=(*evidence.money, Sample(evidence.batches[0].name, 2, 1, 2)))


def _told(evidence: Evidence) -> Evidence:
    return replace(evidence, texts={**evidence.texts, "a log": f"Bearer {evidence.secrets[0]}".encode()})


def _littered(evidence: Evidence) -> Evidence:
    return replace(evidence, objects={**evidence.objects, f"{evidence.batches[0].name}/stray.mp4": b""})


def _with_first_batch(evidence: Evidence, **fields: Any) -> Evidence:
    return replace(evidence, batches=(replace(evidence.batches[0], **fields), *evidence.batches[1:]))


def _a_receipt(evidence: Evidence) -> str:
    receipts = {key: body for key, body in evidence.objects.items() if key.endswith(".receipt.json")}
    return next(key for key, body in receipts.items() if json.loads(body).get("reused") is None)


@dataclass(frozen=True)
class Invariant:
    """One thing that must hold, and how a copy of sound evidence is spoilt so that it doesn't."""

    check: Callable[[Evidence], Complaints]
    breaking: Callable[[Evidence], Evidence]


INVARIANTS: Mapping[str, Invariant] = {
    "billed at most once an attempt": Invariant(billed_once, _billed_twice),
    "every accepted job is on record": Invariant(accepted_is_on_record, _off_the_record),
    "nothing that was billed is lost": Invariant(nothing_lost, _without_receipt),
    "stored as it was delivered": Invariant(stored_as_delivered, _one_byte_off),
    "doing it again is free": Invariant(again_is_free, _not_free),
    "every batch ends or names its blocker": Invariant(every_batch_ends, _hanging),
    "seats come back": Invariant(seats_come_back, _seated),
    "no doubt about what was not sent": Invariant(no_idle_doubt, _in_doubt_for_nothing),
    "no budget is exceeded": Invariant(no_budget_exceeded, _overspent),
    "no secret in any artefact": Invariant(no_secret, _told),
    "nothing stray in the store": Invariant(nothing_stray, _littered),
}


def complaints(evidence: Evidence) -> list[str]:
    """Everything that is wrong, each with the invariant that it breaks."""
    return [f"{name}: {told}" for name, invariant in INVARIANTS.items() for told in invariant.check(evidence)]


def blind(evidence: Evidence) -> list[str]:
    """The invariants that would not notice if they were broken in this evidence. There must be none."""
    return [name for name, one in INVARIANTS.items() if not list(one.check(one.breaking(evidence)))]
