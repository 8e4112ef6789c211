"""Each invariant notices when it is broken: on evidence made by hand, one thing at a time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from evidence import Again, Batch, Billing, Evidence, Said, Sample
from invariants import INVARIANTS, blind, complaints

VIDEO, PICTURE = b"a video", b"a picture"
DONE, HELD, FAILED = "sweep/0001-field", "sweep/0002-sea", "sweep/0003-sky"
PROMPTS = {DONE: "A dog in a field", HELD: "A dog in the sea", FAILED: "A dog in the sky"}


def _json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _record(take: str, kind: str, attempt: int = 1) -> str:
    return f"night/.rushes/attempts/{take}/{attempt}.{kind}.json"


def sound() -> Evidence:
    """One take is done, one is in doubt and was billed, one was refused at no cost and then failed for good."""
    receipt = {
        "job_id": "cgt-job-1",
        "video": {"key": f"night/{DONE}.mp4", "bytes": len(VIDEO), "sha256": _sha256(VIDEO)},
        "last_frame": {"key": f"night/{DONE}.last.png", "bytes": len(PICTURE), "sha256": _sha256(PICTURE)},
    }
    objects = {
        "night/.rushes/manifest.json": b"{}",
        "night/.rushes/manifest.json.sha256": b"",
        f"night/{DONE}.mp4": VIDEO,
        f"night/{DONE}.last.png": PICTURE,
        f"night/{DONE}.receipt.json": _json(**receipt),
        _record(DONE, "intent"): _json(),
        _record(DONE, "accepted"): _json(job_id="cgt-job-1"),
        _record(HELD, "intent"): _json(),
        _record(FAILED, "intent"): _json(),
        _record(FAILED, "ended"): _json(kind="transient"),
        _record(FAILED, "intent", 2): _json(),
        _record(FAILED, "ended", 2): _json(kind="output-moderation"),
    }
    output = "night: 1 of 3 takes done\n  1 failed:\n  1 in doubt:\n"
    batch = Batch(
        name="night",
        prompts=PROMPTS,
        doubts=frozenset({HELD}),
        failed=frozenset({FAILED}),
        alive=0,
        waiting=0,
        queues=False,
        said=Said(6, output),
    )
    return Evidence(
        batches=(batch,),
        billings=(
            Billing("job-1", "ark", PROMPTS[DONE], True, _sha256(VIDEO)),
            Billing("job-2", "ark", PROMPTS[HELD], True, _sha256(VIDEO)),
            Billing("job-3", "ark", PROMPTS[FAILED], False),
        ),
        objects=objects,
        texts={"worker.log": b"nothing to see"},
        orphans=frozenset(),
        seats=frozenset({"night:1"}),
        secrets=("hush-0451",),
        again=Again(0, (), (Said(6, output),)),
    )


def _batch(evidence: Evidence, **fields: Any) -> Evidence:
    return replace(evidence, batches=(replace(evidence.batches[0], **fields),))


def _without(evidence: Evidence, *keys: str) -> Evidence:
    assert set(keys) <= set(evidence.objects)
    return replace(evidence, objects={key: body for key, body in evidence.objects.items() if key not in keys})


def _with(evidence: Evidence, key: str, body: bytes) -> Evidence:
    return replace(evidence, objects={**evidence.objects, key: body})


def _billed(evidence: Evidence, *more: Billing) -> Evidence:
    return replace(evidence, billings=(*evidence.billings, *more))


def broken(name: str) -> list[str]:
    """The complaints of one invariant, by the name of what is wrong."""
    return _invariant_of(name, BROKEN[name](sound()))


def _invariant_of(name: str, evidence: Evidence) -> list[str]:
    return list(INVARIANTS[name.partition(": ")[0]].check(evidence))


ONCE, RECORD, LOST = (
    "billed at most once an attempt",
    "every accepted job is on record",
    "nothing that was billed is lost",
)
STORED, FREE, ENDS = "stored as it was delivered", "doing it again is free", "every batch ends or names its blocker"
SEATS, SECRET, STRAY = "seats come back", "no secret in any artefact", "nothing stray in the store"
IDLE, BUDGET = "no doubt about what was not sent", "no budget is exceeded"

TWIN = "sweep.2/0001-field"


def _edited(sound: Evidence, **fields: Any) -> Evidence:
    """The manifest was edited, and what the done take was asked for is asked for by another one now."""
    prompts = {**PROMPTS, TWIN: PROMPTS[DONE]}
    return _batch(sound, prompts=prompts, withdrawn=frozenset({DONE}), **fields)


def _reused(sound: Evidence) -> Evidence:
    receipt = json.loads(sound.objects[f"night/{DONE}.receipt.json"]) | {"reused": {"take": DONE}}
    return _with(_edited(sound), f"night/{TWIN}.receipt.json", json.dumps(receipt).encode())


def _under_budget(sound: Evidence, budget: int, *samples: Sample) -> Evidence:
    return replace(_batch(sound, budget=budget, prices=dict.fromkeys(PROMPTS, 3)), money=samples)


BROKEN = {
    f"{ONCE}: a second job": lambda sound: _billed(sound, Billing("job-9", "ark", PROMPTS[DONE], True)),
    f"{ONCE}: billed though it was said to cost nothing": lambda sound: _billed(
        sound, Billing("job-8", "ark", PROMPTS[FAILED], True), Billing("job-9", "ark", PROMPTS[FAILED], True)
    ),
    f"{ONCE}: billed without an intent": lambda sound: _without(sound, _record(HELD, "intent")),
    f"{ONCE}: two jobs of one attempt": lambda sound: _with(
        _with(_billed(sound, Billing("job-9", "ark", PROMPTS[DONE], True)), _record(DONE, "intent", 2), _json()),
        _record(DONE, "orphan"),
        _json(job_id="cgt-job-9"),
    ),
    f"{RECORD}: an acceptance is missing": lambda sound: _without(sound, _record(DONE, "accepted")),
    f"{RECORD}: a doubt is not told": lambda sound: _batch(sound, doubts=frozenset()),
    f"{RECORD}: a job of nobody's": lambda sound: _billed(sound, Billing("job-9", "ark", "A cat", False)),
    f"{LOST}: no receipt": lambda sound: _without(sound, f"night/{DONE}.receipt.json"),
    f"{LOST}: the receipt of another job": lambda sound: _billed(sound, Billing("job-9", "ark", PROMPTS[DONE], True)),
    f"{STORED}: another video": lambda sound: _with(sound, f"night/{DONE}.mp4", b"b video"),
    f"{STORED}: another picture": lambda sound: _with(sound, f"night/{DONE}.last.png", b"b picture"),
    f"{STORED}: no video": lambda sound: _without(sound, f"night/{DONE}.mp4"),
    f"{STORED}: not what was delivered": lambda sound: replace(
        sound, billings=(replace(sound.billings[0], sha256="0"), *sound.billings[1:])
    ),
    f"{FREE}: a submission": lambda sound: replace(sound, again=replace(sound.again, posts=1)),
    f"{FREE}: an object": lambda sound: replace(sound, again=replace(sound.again, writes=("night/x.mp4",))),
    f"{FREE}: another end": lambda sound: replace(sound, again=replace(sound.again, said=(Said(0, ""),))),
    f"{ENDS}: takes still wait": lambda sound: _batch(sound, waiting=1),
    f"{ENDS}: takes are still alive": lambda sound: _batch(sound, alive=1),
    f"{ENDS}: no reason is told": lambda sound: _batch(sound, said=Said(5, "")),
    f"{ENDS}: a traceback": lambda sound: _batch(sound, said=Said(6, "Traceback ... in doubt:")),
    f"{ENDS}: a take is missing": lambda sound: _without(sound, f"night/{DONE}.receipt.json"),
    f"{ENDS}: a doubt is passed over": lambda sound: _batch(sound, said=Said(3, "  1 failed:")),
    f"{ONCE}: an edit pays again": lambda sound: _with(
        _with(_billed(_reused(sound), Billing("job-9", "ark", PROMPTS[DONE], True)), _record(TWIN, "intent"), _json()),
        _record(TWIN, "accepted"),
        _json(job_id="cgt-job-9"),
    ),
    f"{LOST}: a withdrawn take's": lambda sound: _without(_edited(sound), f"night/{DONE}.receipt.json"),
    f"{LOST}: a cancelled take's": lambda sound: _without(
        _batch(sound, cancelled=frozenset({DONE})), f"night/{DONE}.receipt.json"
    ),
    f"{ENDS}: a take of an edit is missing": lambda sound: _edited(sound),
    f"{ENDS}: stopped, and another reason is told": lambda sound: _batch(
        _without(sound, f"night/{DONE}.receipt.json"), waiting=1, stopped="budget"
    ),
    f"{ENDS}: no seat is left, and it is not told": lambda sound: _batch(
        _without(sound, f"night/{DONE}.receipt.json"), waiting=1, full=True
    ),
    f"{ENDS}: blocked, and by nothing that is told": lambda sound: _batch(
        _without(sound, f"night/{DONE}.receipt.json"), blocked=1
    ),
    f"{ENDS}: cancelled takes are passed over": lambda sound: _batch(
        _without(sound, f"night/{DONE}.receipt.json"),
        cancelled=frozenset({DONE}),
        doubts=frozenset(),
        failed=frozenset({HELD, FAILED}),
        said=Said(3, "  2 failed:"),
    ),
    f"{IDLE}: nothing was intended": lambda sound: _without(sound, _record(HELD, "intent")),
    f"{IDLE}: nothing was sent": lambda sound: replace(sound, sure=True),
    f"{BUDGET}: reserved too much": lambda sound: _under_budget(
        sound, 6, Sample("night", 6, 3, 3), Sample("night", 6, 3, 6)
    ),
    f"{BUDGET}: billed too much": lambda sound: _under_budget(sound, 5, Sample("night", 5, 3, 0)),
    f"{BUDGET}: nobody looked": lambda sound: _under_budget(sound, 6),
    f"{SEATS}: one is kept": lambda sound: replace(sound, seats=sound.seats | {"night:0"}),
    f"{SEATS}: a doubt keeps one where it must not": lambda sound: _batch(sound, queues=True),
    f"{SECRET}: in a log": lambda sound: replace(sound, texts={"worker.log": b"key hush-0451"}),
    f"{SECRET}: in the store": lambda sound: _with(
        sound, _record(DONE, "accepted"), _json(job_id="cgt-job-1", k="hush-0451")
    ),
    f"{STRAY}: a video without a receipt": lambda sound: _with(sound, f"night/{HELD}.mp4", b""),
    f"{STRAY}: an attempt of no take's": lambda sound: _with(sound, _record("sweep/0009", "intent"), _json()),
}


def test_sound_evidence_is_not_complained_of() -> None:
    assert complaints(sound()) == []
    assert complaints(_under_budget(sound(), 6, Sample("night", 6, 3, 3))) == []
    assert complaints(_reused(sound())) == []
    assert blind(sound()) == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_noticed(name: str) -> None:
    assert broken(name), f"{name} goes unnoticed"


def test_every_invariant_is_broken_here() -> None:
    assert {name.partition(": ")[0] for name in BROKEN} == set(INVARIANTS)
