"""Receipts: the mark by which a take is done."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.prices import Price, PriceTable, Rate
from jobs.takes import Asked, Take
from workers.costs import cost_of
from workers.errors import ObjectMissing, StoreRefused
from workers.ledger import Intent, Ledger
from workers.receipts import (
    Cost,
    ImageFacts,
    LastFrame,
    Receipt,
    Reused,
    Times,
    VideoFacts,
    done_takes,
    keys_of,
    read_receipt,
    write_receipt,
)
from workers.store.folder import FolderStore

TAKE = "opening/0007-wheat-seed3"
ASKED = Asked(model="seedance-2.0-fast", prompt="A dog in the wheat, 夜", duration=5, seed=3)


def receipt(take: str = TAKE, batch: str = "sunflowers") -> Receipt:
    keys = keys_of(batch, take)
    return Receipt(
        batch=batch,
        shot="opening",
        take=take,
        index=6,
        number=7,
        identity=ASKED.identity(),
        axes={"place": "wheat", "seed": 3, "strength": 1.0, "loop": True},
        asked=ASKED,
        provider="fal",
        model=ASKED.model,
        job_id="764cabcf-b745",
        attempt=1,
        times=Times(admitted=1795241643.25, submitted=1795241643.5, stored=1795241700.1234567),
        answer={"video": {"url": "https://media.example/1.mp4"}, "seed": 3},
        video=VideoFacts(
            key=keys.video,
            bytes=1_048_576,
            sha256="ab" * 32,
            content_type="video/mp4",
            source_url="https://media.example/1.mp4",
            width=1280,
            height=720,
            fps=24.0,
            frames=120,
            duration=5.0,
            codec="h264",
            more={"audio_codec": None, "color_space": "bt709"},
        ),
        last_frame=LastFrame(
            key=keys.last_frame, bytes=977_000, sha256="cd" * 32, width=1280, height=720, source="decoded"
        ),
        poster=ImageFacts(key=keys.poster, bytes=3_300, sha256="ef" * 32, width=320, height=180),
        cost=Cost(
            amount=Decimal("1.21"),
            currency="USD",
            basis="price table",
            estimated=Decimal("1.25"),
            estimated_currency="USD",
        ),
        warnings=("the duration is 4.96 s, not 5 s",),
        rushes_version="0.1.0",
    )


def test_the_keys_of_a_take() -> None:
    assert keys_of("sunflowers", TAKE) == (
        "sunflowers/opening/0007-wheat-seed3.mp4",
        "sunflowers/opening/0007-wheat-seed3.last.png",
        "sunflowers/opening/0007-wheat-seed3.poster.webp",
        "sunflowers/opening/0007-wheat-seed3.receipt.json",
    )


def test_a_receipt_comes_back_equal(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    write_receipt(store, receipt())
    read = read_receipt(store, "sunflowers", TAKE)
    assert read == receipt()
    assert [(type(value), value) for value in read.axes.values()] == [
        (str, "wheat"),
        (int, 3),
        (float, 1.0),
        (bool, True),
    ]
    assert read.asked.identity() == read.identity


def test_a_receipt_can_be_read_by_people_and_other_programs() -> None:
    told = json.loads(receipt().to_json())
    assert told["schema_version"] == 1
    assert list(told["axes"]) == ["place", "seed", "strength", "loop"]
    assert list(told["answer"]) == ["video", "seed"]
    assert told["times"]["admitted"] == "2026-11-21T06:14:03.250000Z"
    assert told["times"]["downloaded"] is None
    assert told["cost"] == {
        "amount": "1.21",
        "currency": "USD",
        "basis": "price table",
        "estimated": "1.25",
        "estimated_currency": "USD",
    }
    assert told["reused"] is None
    assert "夜".encode() in receipt().to_json()


def test_a_cost_that_is_not_known_says_so() -> None:
    assert json.loads(Cost().to_json()) == {
        "amount": None,
        "currency": None,
        "basis": "unknown",
        "estimated": None,
        "estimated_currency": None,
    }


def test_a_receipt_that_is_older_than_estimates_and_reuse_is_read(tmp_path: Path) -> None:
    older = json.loads(receipt().to_json())
    del older["reused"], older["cost"]["estimated"], older["cost"]["estimated_currency"]
    store = FolderStore(tmp_path)
    body = json.dumps(older).encode()
    store.put_bytes(keys_of("sunflowers", TAKE).receipt, body, content_type="application/json")
    read = read_receipt(store, "sunflowers", TAKE)
    assert read.cost == Cost(amount=Decimal("1.21"), currency="USD", basis="price table")
    assert read.cost.estimated is None
    assert read.reused is None


def test_a_receipt_tells_whose_video_was_taken_over(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    nothing = Cost(amount=Decimal(0), currency="USD", basis="reused")
    taken_over = receipt().model_copy(
        update={"reused": Reused(batch="wheat", take="opening/0002-rye"), "cost": nothing}
    )
    write_receipt(store, taken_over)
    assert read_receipt(store, "sunflowers", TAKE) == taken_over
    told = json.loads(store.get(keys_of("sunflowers", TAKE).receipt))
    assert told["reused"] == {"batch": "wheat", "take": "opening/0002-rye"}
    assert told["cost"]["amount"] == "0"


TAKEN = Take(batch="b", shot="s", index=0, number=1, name="s/0001", provider="apiframe", asked=ASKED, axes={})
RESERVED = Price(amount=Decimal("0.35"), currency="USD", basis="estimate", source="the user's own")


@pytest.mark.parametrize(
    ("answer", "own", "told"),
    [
        ({"creditCost": 121}, None, (Decimal(121), "credits", "billed")),
        ({"creditCost": True}, "0.30", (Decimal("0.30"), "USD", "exact")),
        (None, "0.30", (Decimal("0.30"), "USD", "exact")),
    ],
)
def test_what_was_reserved_stands_beside_what_it_cost(
    answer: object, own: str | None, told: tuple[Decimal, str, str]
) -> None:
    prices = None if own is None else own_prices(own)
    cost = cost_of(TAKEN, answer, 5.0, prices, RESERVED)
    assert (cost.amount, cost.currency, cost.basis) == told
    assert (cost.estimated, cost.estimated_currency) == (Decimal("0.35"), "USD")
    without = cost_of(TAKEN, answer, 5.0, prices)
    assert (without.amount, without.currency, without.basis) == told
    assert (without.estimated, without.estimated_currency) == (None, None)


def test_what_was_reserved_for_a_take_of_unknown_cost_is_kept() -> None:
    unpriced = replace(TAKEN, asked=ASKED.model_copy(update={"model": "nobody-knows-it"}))
    assert cost_of(unpriced, None, 5.0, None, RESERVED) == Cost(estimated=Decimal("0.35"), estimated_currency="USD")
    assert cost_of(unpriced, None, 5.0, None) == Cost()


def own_prices(per_take: str) -> PriceTable:
    rate = Rate(per_take=Decimal(per_take), basis="exact")
    return PriceTable(provider="apiframe", currency="USD", rates=(rate,))


def test_a_take_is_done_when_its_receipt_is_there_and_not_before(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    keys = keys_of("sunflowers", TAKE)
    Ledger(store, "sunflowers").intend(
        Intent(take=TAKE, attempt=1, provider="fal", identity="", request_digest="", highest_price=None, at=0.0)
    )
    for key in (keys.video, keys.last_frame, keys.poster):
        store.put_bytes(key, b"x", content_type="video/mp4")
        assert list(done_takes(store, "sunflowers")) == []
    with pytest.raises(ObjectMissing):
        read_receipt(store, "sunflowers", TAKE)
    write_receipt(store, receipt())
    assert list(done_takes(store, "sunflowers")) == [TAKE]


def test_done_takes_are_those_of_the_batch_in_order(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for take in ("opening/0010", "follow/0001", "opening/0002"):
        write_receipt(store, receipt(take))
    write_receipt(store, receipt("opening/0001", batch="sunflowers-2"))
    store.put_bytes("sunflowers/.rushes/x.receipt.json", b"", content_type="application/json")
    assert list(done_takes(store, "sunflowers")) == ["follow/0001", "opening/0002", "opening/0010"]
    assert list(done_takes(store, "sun")) == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", receipt().to_json().replace(b'"schema_version": 1', b'"schema_version": 2')]
)
def test_what_is_no_receipt_of_ours_is_refused(tmp_path: Path, body: bytes) -> None:
    store = FolderStore(tmp_path)
    store.put_bytes(keys_of("sunflowers", TAKE).receipt, body, content_type="application/json")
    with pytest.raises(StoreRefused, match=r"receipt\.json is not the receipt"):
        read_receipt(store, "sunflowers", TAKE)
