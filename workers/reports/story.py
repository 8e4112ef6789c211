"""The whole story of one take: its attempts, its states and their times, requests and answers, files, and cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from workers.accounts import AttemptCost
from workers.accounts.attempts import attempt_costs
from workers.accounts.report import exact, money
from workers.context import Context
from workers.decisions.targets import Aim
from workers.engine.states import State
from workers.errors import ObjectMissing
from workers.ledger import Ledger
from workers.preview import preview
from workers.providers.errors import ProviderError
from workers.receipts import Receipt, read_receipt
from workers.redaction import redact_json
from workers.reports.advice import advice_on
from workers.reports.writing import moment, span


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of a take, as plain mappings, lists, text and numbers; no secret is in it. Times are in seconds
    since the epoch, amounts are text."""

    told: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return self.told

    def lines(self) -> Iterator[str]:
        """It for a person, line by line: in short what the JSON has in whole."""
        told = self.told
        yield f"{told['batch']}/{told['take']}: {told['state']}"
        yield f"  {told['provider']}, {told['model']}" + "".join(f", {k} {v}" for k, v in told["axes"].items())
        yield f"  prompt: {told['asked']['prompt']}"
        if told["waits_for"]:
            yield f"  waits: {told['waits_for']}"
        for attempt in told["attempts"]:
            yield from _attempt_lines(attempt)
        for file in told["files"]:
            yield f"  {file['what']}: {file['place']} ({file['bytes']:,} bytes, sha256 {file['sha256'][:16]}...)"
        for warning in told["warnings"]:
            yield f"  warning: {warning}"
        if told["failure"]:
            yield f"  failed [{told['failure']['kind']}]: {told['failure']['message']}"
        if told["advice"]:
            advice = told["advice"]
            yield f"  {advice['what']}. {advice['why']}."
            yield f"  {advice['then']}" + (f": {advice['command']}" if advice["command"] else "")


def story_of(context: Context, aim: Aim, *, rehearsed: bool = False) -> Story:
    """The story of the one take that `aim` is at. Raises the errors of Redis and the store."""
    assert aim.index is not None, "a story is of one take"
    batch, index, take = aim.batch, aim.index, aim.expansion[aim.index]
    record = context.room.take(batch, index)
    state = context.room.census(batch).state(index)
    try:
        receipt = read_receipt(context.store, batch, take.name)
    except ObjectMissing:
        receipt = None
    error = None if record is None else record.value("error")
    kind = "in-doubt" if state is State.DOUBT else str((error or {}).get("kind", "unknown"))
    advise = state in (State.FAILED, State.DOUBT)
    try:
        request: Any = preview(context.settings, take).to_json()
    except ProviderError as trouble:
        request = {"impossible": str(trouble)}
    told = {
        "batch": batch,
        "take": take.name,
        "shot": take.shot,
        "index": index,
        "state": "in doubt" if state is State.DOUBT else state.value,
        "provider": take.provider,
        "model": take.asked.model,
        "axes": dict(take.axes),
        "asked": take.asked.model_dump(mode="json", exclude_none=True),
        "identity": take.asked.identity(),
        "request": request,
        "waits_for": None if record is None else record.fields.get("waits_for"),
        "failure": error if advise else None,
        "advice": advice_on(kind, batch=batch, take=take.name, rehearsed=rehearsed).to_json() if advise else None,
        "now": {} if record is None else _times(record.fields),
        "attempts": [_attempt(context, batch, cost, receipt) for cost in _costs(context, batch, take.name)],
        "files": [] if receipt is None else _files(context, receipt),
        "warnings": [] if receipt is None else list(receipt.warnings),
        "receipt": None if receipt is None else receipt.model_dump(mode="json"),
    }
    return Story(redact_json(told, context.settings.secret_values()))


def _costs(context: Context, batch: str, take: str) -> list[AttemptCost]:
    return [each for each in attempt_costs(context.store, batch, only=take) if each.take == take]


def _times(fields: Any) -> dict[str, float]:
    return {name.removesuffix("_at"): int(value) / 1000 for name, value in fields.items() if name.endswith("_at")}


def _attempt(context: Context, batch: str, cost: AttemptCost, receipt: Receipt | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "attempt": cost.attempt,
        "provider": cost.provider,
        "job_id": cost.job_id,
        "outcome": cost.outcome,
        "kind": cost.kind,
        "cost": None if cost.actual is None else exact(cost.actual),
        "currency": cost.currency,
        "basis": cost.basis,
        "estimated": None if cost.estimated is None else exact(cost.estimated),
        "estimated_currency": cost.estimated_currency,
        "states": [],
        "request_digest": None,
        "answer": None,
        "message": None,
        "body": None,
    }
    states: list[tuple[str, float]] = []
    if cost.attempt is not None and cost.outcome != "orphan":
        ledger = Ledger(context.store, batch)
        kinds = next((each for each in ledger.attempts(cost.take) if each.attempt == cost.attempt), None)
        if kinds is not None and kinds.intended:
            intent = ledger.intent(cost.take, cost.attempt)
            told["request_digest"] = intent.request_digest
            states.append(("submitting", intent.at))
        if kinds is not None and kinds.accepted:
            accepted = ledger.acceptance(cost.take, cost.attempt)
            told["answer"] = {"status": accepted.status, "body": accepted.answer}
            states.append(("accepted", accepted.at))
        if kinds is not None and kinds.ended:
            ending = ledger.ending(cost.take, cost.attempt)
            told |= {"message": ending.message, "body": ending.body, "decided": ending.decided}
            states.append((cost.outcome, ending.at))
    if receipt is not None and cost.outcome == "done":
        times = receipt.times
        named = {"admitted": times.admitted, "rendered": times.rendered, "downloaded": times.downloaded}
        states += [(name, at) for name, at in named.items() if at is not None]
        if times.stored is not None:
            states.append(("stored", times.stored))
    told["states"] = [{"state": state, "at": at} for state, at in sorted(states, key=lambda each: each[1])]
    return told


def _files(context: Context, receipt: Receipt) -> list[dict[str, Any]]:
    named = {"video": receipt.video, "last frame": receipt.last_frame, "poster": receipt.poster}
    return [
        {"what": what, "place": context.store.url(file.key), "bytes": file.bytes, "sha256": file.sha256}
        for what, file in named.items()
        if file is not None
    ]


def _attempt_lines(attempt: dict[str, Any]) -> Iterator[str]:
    who = "taken over from another take" if attempt["attempt"] is None else f"attempt {attempt['attempt']}"
    job = f", job {attempt['job_id']}" if attempt["job_id"] else ""
    yield f"  {who} at {attempt['provider'] or 'no provider'}{job}: {attempt['outcome']}, {_cost(attempt)}"
    before: float | None = None
    for state in attempt["states"]:
        later = "" if before is None else f"  (+{span(state['at'] - before)})"
        yield f"    {moment(state['at'])}  {state['state']}{later}"
        before = state["at"]
    if attempt["message"]:
        yield f"    {' '.join(attempt['message'].split())}"


def _cost(attempt: dict[str, Any]) -> str:
    if attempt["cost"] is not None:
        return f"cost {money(Decimal(attempt['cost']))} {attempt['currency'] or ''}".rstrip() + f" ({attempt['basis']})"
    if attempt["estimated"] is not None:
        return f"at most {money(Decimal(attempt['estimated']))} {attempt['estimated_currency']}"
    return "at an unknown cost"
