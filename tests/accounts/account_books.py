"""A batch's records, written by hand."""

from __future__ import annotations

from decimal import Decimal

from jobs.takes import Asked
from workers.ledger import Acceptance, Ending, Intent, Ledger
from workers.receipts import Cost, LastFrame, Receipt, Reused, Times, VideoFacts, keys_of, write_receipt
from workers.store import Store

BATCH = "night"
ASKED = Asked(model="seedance-2.0-fast", prompt="a dog", duration=5)
DOLLARS = Cost(
    amount=Decimal("1.10"), currency="USD", basis="exact", estimated=Decimal("1.21"), estimated_currency="USD"
)


class Books:
    """Writes the records of one batch as the steps would have."""

    def __init__(self, store: Store, batch: str = BATCH) -> None:
        self.store = store
        self.batch = batch
        self.ledger = Ledger(store, batch)

    def intend(
        self,
        take: str,
        attempt: int = 1,
        *,
        price: str | None = "1.21",
        currency: str = "USD",
        provider: str = "fal",
    ) -> None:
        self.ledger.intend(
            Intent(
                take=take,
                attempt=attempt,
                provider=provider,
                identity=ASKED.identity(),
                request_digest="cd" * 32,
                highest_price=None if price is None else Decimal(price),
                currency=None if price is None else currency,
                at=1795241643.25,
            )
        )

    def accept(
        self, take: str, attempt: int = 1, *, job: str = "job-1", provider: str = "fal", orphan: bool = False
    ) -> None:
        told = Acceptance(
            take=take, attempt=attempt, provider=provider, job_id=job, urls={}, status=200, at=1795241644.5
        )
        self.ledger.accept(told, orphan=orphan)

    def end(self, take: str, attempt: int = 1, *, kind: str, orphan: str | None = None) -> None:
        told = Ending(take=take, attempt=attempt, kind=kind, message="so it was", at=1795241700.0)
        self.ledger.end(told, orphan=orphan)

    def render(self, take: str, attempt: int = 1, *, cost: Cost = DOLLARS, **intended: str) -> None:
        """The whole life of a take that went well."""
        self.intend(take, attempt, **intended)
        self.accept(take, attempt)
        self.receipt(take, attempt, cost=cost)

    def receipt(
        self, take: str, attempt: int = 1, *, cost: Cost = DOLLARS, reused: Reused | None = None, job: str = "job-1"
    ) -> None:
        keys = keys_of(self.batch, take)
        write_receipt(
            self.store,
            Receipt(
                batch=self.batch,
                shot=take.partition("/")[0].partition(".")[0],
                take=take,
                index=0,
                number=1,
                identity=ASKED.identity(),
                axes={},
                asked=ASKED,
                provider="fal",
                model=ASKED.model,
                job_id=job,
                attempt=attempt,
                times=Times(submitted=1795241643.5, accepted=1795241644.5, stored=1795241720.0),
                video=VideoFacts(
                    key=keys.video,
                    bytes=4,
                    sha256="ab" * 32,
                    content_type="video/mp4",
                    source_url="https://media.example/1.mp4",
                    width=1280,
                    height=720,
                    fps=24.0,
                    frames=120,
                    duration=5.0,
                    codec="h264",
                ),
                last_frame=LastFrame(
                    key=keys.last_frame, bytes=4, sha256="cd" * 32, width=1280, height=720, source="decoded"
                ),
                cost=cost,
                reused=reused,
                rushes_version="0.1.0",
            ),
        )

    def everything(self) -> None:
        """An attempt of every outcome, in two shots, at two providers, in two currencies."""
        self.render("opening/0001")
        self.intend("opening/0002", 1)
        self.accept("opening/0002", 1, job="job-2")
        self.end("opening/0002", 1, kind="transient")
        self.render("opening/0002", 2)
        self.receipt(
            "opening/0003",
            cost=Cost(amount=Decimal(0), currency="USD", basis="reused"),
            reused=Reused(batch="earlier", take="opening/0009"),
        )
        self.intend("opening/0004")
        self.accept("opening/0004", job="job-4")
        self.intend("opening/0005")
        self.intend("opening.2/0001", price="2.5")
        self.accept("opening.2/0001", job="job-6")
        self.end("opening.2/0001", kind="output-moderation")
        self.intend("follow/0001", price="35", currency="credits", provider="apiframe")
        self.end("follow/0001", kind="waived")
        self.intend("follow/0002", price=None, provider="apiframe")
        self.end("follow/0002", kind="cancelled")
        self.intend("follow/0003", price=None, provider="apiframe")
        self.accept("follow/0003", job="job-9", provider="apiframe")
        self.accept("follow/0003", job="job-10", provider="apiframe", orphan=True)
        self.end("follow/0004", kind="invalid")
