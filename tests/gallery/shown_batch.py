"""A batch as a run leaves it in a store, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from workbench import WatchedStore

from jobs.manifest import Manifest
from jobs.takes import Take
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from workers.gallery.data import page_data
from workers.gallery.looking import Onlooker, Sight, View
from workers.ledger import Acceptance, Ending, Intent, Ledger
from workers.receipts import Cost, LastFrame, Receipt, Reused, Times, VideoFacts, keys_of, write_receipt

AT = 1_800_000_000.0


@dataclass
class Shown:
    """One batch and its store."""

    folder: Path
    shots: list[dict[str, Any]]
    batch: str = "night"
    store: WatchedStore = field(init=False)
    lineage: Lineage = field(init=False)

    def __post_init__(self) -> None:
        self.store = WatchedStore(self.folder)
        self.lineage = Lineage.of(self._manifest(self.shots))
        self.ledger.freeze(self.lineage.to_json())

    def _manifest(self, shots: list[dict[str, Any]]) -> Manifest:
        head = {"batch": self.batch, "provider": "fal", "model": "seedance-2.0-fast"}
        defaults = {"duration": 4, "resolution": "480p", "aspect_ratio": "16:9"}
        return Manifest.model_validate({**head, "defaults": defaults, "shots": shots})

    def edit(self, shots: list[dict[str, Any]]) -> None:
        self.lineage = self.lineage.grown(self._manifest(shots))
        self.ledger.freeze(self.lineage.to_json())

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store, self.batch)

    @property
    def expansion(self) -> Expansion:
        return Expansion(self.lineage)

    def done(self, index: int, *, poster: bytes | None = b"a poster", name: str | None = None, **more: Any) -> Take:
        """Put down what rendering a take leaves."""
        take = self.expansion[index]
        keys = keys_of(self.batch, name or take.name)
        self.store.put_bytes(keys.video, b"0123456789", content_type="video/mp4")
        self.store.put_bytes(keys.last_frame, b"a picture", content_type="image/png")
        if poster is not None:
            self.store.put_bytes(keys.poster, poster, content_type="image/webp")
        values: dict[str, Any] = {
            "batch": self.batch,
            "shot": take.shot,
            "take": name or take.name,
            "index": take.index,
            "number": take.number,
            "identity": take.asked.identity(),
            "axes": take.axes,
            "asked": take.asked,
            "provider": "fal",
            "model": take.asked.model,
            "job_id": f"job-{index}",
            "attempt": 1,
            "times": Times(submitted=AT, rendered=AT + 41.25, stored=AT + 44),
            "answer": {"large": "x" * 100},
            "seed": take.asked.seed,
            "video": VideoFacts(
                key=keys.video,
                bytes=10,
                sha256="ab" * 32,
                content_type="video/mp4",
                source_url="https://media.example/1.mp4",
                width=864,
                height=480,
                fps=24.0,
                frames=96,
                duration=4.0,
                codec="h264",
            ),
            "last_frame": LastFrame(
                key=keys.last_frame, bytes=9, sha256="cd" * 32, width=864, height=480, source="decoded"
            ),
            "cost": Cost(amount=Decimal("0.1"), currency="USD", basis="price table"),
            "rushes_version": "0",
        }
        write_receipt(self.store, Receipt(**{**values, **more}))
        return take

    def intended(self, index: int, attempt: int = 1) -> str:
        take = self.expansion[index]
        self.ledger.intend(
            Intent(
                take=take.name,
                attempt=attempt,
                provider="fal",
                identity=take.asked.identity(),
                request_digest="0" * 64,
                highest_price=Decimal("0.2"),
                at=AT,
            )
        )
        return take.name

    def accepted(self, index: int, attempt: int = 1) -> str:
        name = self.intended(index, attempt)
        self.ledger.accept(
            Acceptance(take=name, attempt=attempt, provider="fal", job_id=f"j{index}", urls={}, status=200, at=AT)
        )
        return name

    def ended(self, index: int, kind: str, message: str, *, attempt: int = 1, decided: str | None = None) -> None:
        name = self.accepted(index, attempt)
        self.ledger.end(Ending(take=name, attempt=attempt, kind=kind, message=message, at=AT, decided=decided))

    def view(self, *, running: bool = False) -> View:
        onlooker = Onlooker(self.store, self.batch)
        listing = onlooker.listing()
        assert listing is not None
        return onlooker.view(listing, running=running)

    def sights(self, *, running: bool = False) -> dict[str, Sight]:
        return {sight.name: sight for sight in self.view(running=running).sights}

    def data(self) -> dict[str, Any]:
        return page_data(self.view())


MakeShown = Callable[..., Shown]


def shot(name: str = "opening", prompt: str = "A dog", **more: Any) -> dict[str, Any]:
    return {"name": name, "prompt": prompt, **more}


def seeds(count: int, name: str = "opening", prompt: str = "A dog") -> dict[str, Any]:
    return shot(name, prompt, sweep={"seed": list(range(1, count + 1))})


def reused(batch: str, take: str) -> Mapping[str, Reused]:
    return {"reused": Reused(batch=batch, take=take)}
