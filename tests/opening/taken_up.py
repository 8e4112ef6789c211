"""What openings are held against: takes that are done, records on file, and a Redis that goes back in time."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

from workbench import Bench

from jobs.manifest import Manifest
from workers.engine.states import State, Step
from workers.engine.work import Work
from workers.ledger import Ending
from workers.opening import Opening, open_batch
from workers.receipts import (
    Cost,
    ImageFacts,
    LastFrame,
    Receipt,
    Times,
    VideoFacts,
    keys_of,
    read_receipt,
    write_receipt,
)

Snapshot = dict[bytes, tuple[int, bytes]]


def edited(*shots: dict[str, Any], batch: str = "b", **fields: Any) -> Manifest:
    """A manifest of these shots."""
    return Manifest.model_validate(
        {
            "batch": batch,
            "provider": "fal",
            "model": "seedance-2.0-fast",
            "defaults": {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1"},
            "shots": list(shots),
            **fields,
        }
    )


def shot(name: str = "s", prompt: str = "a dog", **sweep: list[Any]) -> dict[str, Any]:
    return {"name": name, "prompt": prompt, **({"sweep": sweep} if sweep else {})}


def opened(bench: Bench, manifest: Manifest) -> Opening:
    """Open it, and let fal admit."""
    found = open_batch(bench.context, manifest)
    bench.room.set_limits("fal", bench.context.limits("fal"))
    return found


def done(
    bench: Bench, *indices: int, batch: str = "b", attempt: int = 1, job: str = "job-1", poster: bool = True
) -> None:
    """Put what a take's rendering leaves into the store; Redis is not told."""
    for index in indices:
        take = bench.context.take(batch, index)
        keys = keys_of(batch, take.name)
        video = f"video of {take.asked.identity()}".encode()
        bench.store.put_bytes(keys.video, video, content_type="video/mp4")
        bench.store.put_bytes(keys.last_frame, b"a picture", content_type="image/png")
        if poster:
            bench.store.put_bytes(keys.poster, b"a poster", content_type="image/webp")
        sha256 = hashlib.sha256(video).hexdigest()
        write_receipt(
            bench.store,
            Receipt(
                batch=batch,
                shot=take.shot,
                take=take.name,
                index=take.index,
                number=take.number,
                identity=take.asked.identity(),
                axes=take.axes,
                asked=take.asked,
                provider=take.provider,
                model=take.asked.model,
                job_id=job,
                attempt=attempt,
                times=Times(submitted=bench.clock.now(), stored=bench.clock.now()),
                video=VideoFacts(
                    key=keys.video,
                    bytes=len(video),
                    sha256=sha256,
                    content_type="video/mp4",
                    source_url="http://127.0.0.1/v.mp4",
                    width=16,
                    height=16,
                    fps=24.0,
                    frames=96,
                    duration=4.0,
                    codec="h264",
                ),
                last_frame=LastFrame(
                    key=keys.last_frame,
                    bytes=9,
                    sha256=hashlib.sha256(b"a picture").hexdigest(),
                    width=16,
                    height=16,
                    source="decoded",
                ),
                poster=ImageFacts(
                    key=keys.poster,
                    bytes=8,
                    sha256=hashlib.sha256(b"a poster").hexdigest(),
                    width=16,
                    height=16,
                )
                if poster
                else None,
                cost=Cost(amount=Decimal("0.20"), currency="USD", basis="told"),
                rushes_version="0",
            ),
        )


def receipt(bench: Bench, name: str, batch: str = "b") -> Receipt:
    return read_receipt(bench.store, batch, name)


def end(bench: Bench, kind: str, *, take: str = "s/0001", attempt: int = 1) -> None:
    bench.context.ledger("b").end(
        Ending(take=take, attempt=attempt, kind=kind, message="why", body=None, at=bench.clock.now())
    )


def admitted(bench: Bench) -> list[int]:
    """Which takes are admitted now."""
    return [work.index for work in bench.all_due(Step.SUBMIT)]


def finish(bench: Bench, index: int = 0) -> None:
    """Carry a take that is rendering to its end, receipt and all."""
    for state, end_state in ((State.RENDERING, State.COLLECTING), (State.COLLECTING, State.DONE)):
        record = bench.record(index)
        if end_state is State.DONE:
            done(bench, index, attempt=record.attempt)
        hand = Work(Step.POLL, "b", index, record.fence, record.attempt)
        assert bench.room.move(hand, state, end_state, delay=1000.0)


def snapshot(bench: Bench) -> Snapshot:
    """All that Redis holds of this namespace, to go back to."""
    keys = list(bench.client.scan_iter(match=f"{bench.context.settings.namespace}:*", count=10_000))
    return {key: (max(0, bench.client.pttl(key)), bench.client.dump(key)) for key in keys}


def go_back(bench: Bench, before: Snapshot) -> None:
    """Redis is started anew, with what it held then."""
    bench.forget()
    for key, (ttl, dumped) in before.items():
        bench.client.restore(key, ttl, dumped)
    restarted(bench)


def restarted(bench: Bench) -> None:
    """Redis is started anew, with all that it held."""
    scripts = bench.room._scripts
    told = "" if scripts.server is None else scripts.server()
    scripts.server = lambda: f"{told}another"


def stored(bench: Bench) -> dict[str, bytes]:
    """Every object of the store."""
    root = Path(bench.context.settings.store)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.*")) if path.is_file()}
