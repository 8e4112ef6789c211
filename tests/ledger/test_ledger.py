"""The ledger in the store, and what it says after each step that may have been the last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from workers.errors import ObjectMissing, StoreRefused
from workers.ledger import Acceptance, AttemptRecord, Ending, Intent, Ledger, digest_of, orphan_token
from workers.records import DEEPEST
from workers.store.folder import FolderStore

MANIFEST = b'{"batch": "sunflowers"}\n'
TAKE = "opening/0007-wheat-seed3"
ATTEMPTS = f"sunflowers/.rushes/attempts/{TAKE}"


class WatchedStore(FolderStore):
    """A folder that counts what is asked of it, and can die at a put."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.puts: list[str] = []
        self.gets: list[str] = []
        self.lists: list[str] = []
        self.dies_at: str | None = None

    def put_bytes(self, key: str, body: bytes, *, content_type: str) -> None:
        if key == self.dies_at:
            raise KeyboardInterrupt
        self.puts.append(key)
        super().put_bytes(key, body, content_type=content_type)

    def get(self, key: str) -> bytes:
        self.gets.append(key)
        return super().get(key)

    def keys(self, prefix: str) -> Iterator[str]:
        self.lists.append(prefix)
        return super().keys(prefix)


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path)


@pytest.fixture
def ledger(store: WatchedStore) -> Ledger:
    return Ledger(store, "sunflowers")


def intent(attempt: int = 1, take: str = TAKE, price: Decimal | None = Decimal("1.21")) -> Intent:
    return Intent(
        take=take,
        attempt=attempt,
        provider="fal",
        identity="ab" * 32,
        request_digest="cd" * 32,
        highest_price=price,
        currency="USD",
        hand="the hand",
        at=1795241643.25,
    )


def acceptance(attempt: int = 1, take: str = TAKE, **changed: object) -> Acceptance:
    values = {
        "take": take,
        "attempt": attempt,
        "provider": "fal",
        "job_id": "764cabcf-b745",
        "urls": {"status": "https://queue.example/764cabcf-b745/status"},
        "status": 200,
        "answer": {"request_id": "764cabcf-b745", "queue_position": 0},
        "at": 1795241644.5,
    }
    return Acceptance.model_validate(values | changed)


def ending(attempt: int = 1, take: str = TAKE) -> Ending:
    return Ending(take=take, attempt=attempt, kind="output-moderation", message="refused", body="{}", at=1795241700.0)


def test_a_batch_that_was_never_frozen_has_no_manifest(ledger: Ledger) -> None:
    assert ledger.frozen() is None
    assert list(ledger.attempts()) == []


def test_the_manifest_is_kept_byte_for_byte_with_its_digest(ledger: Ledger, store: WatchedStore) -> None:
    ledger.freeze(MANIFEST)
    assert ledger.frozen() == MANIFEST
    assert store.get("sunflowers/.rushes/manifest.json") == MANIFEST
    line = f"{hashlib.sha256(MANIFEST).hexdigest()}  manifest.json\n".encode()
    assert store.get("sunflowers/.rushes/manifest.json.sha256") == line


def test_freezing_again_writes_nothing(ledger: Ledger, store: WatchedStore) -> None:
    ledger.freeze(MANIFEST)
    store.puts.clear()
    ledger.freeze(MANIFEST)
    assert store.puts == []


def test_another_manifest_takes_the_place_of_what_was_kept(ledger: Ledger, store: WatchedStore) -> None:
    ledger.freeze(MANIFEST)
    ledger.freeze(b"{}")
    assert ledger.frozen() == ledger.held() == b"{}"
    assert ledger.told_digests() == (digest_of(b"{}"),)
    digest = "sunflowers/.rushes/manifest.json.sha256"
    assert store.puts[-3:] == [digest, "sunflowers/.rushes/manifest.json", digest]


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.sha256"])
def test_a_manifest_that_was_tampered_with_is_refused(ledger: Ledger, store: WatchedStore, name: str) -> None:
    ledger.freeze(MANIFEST)
    store.put_bytes(f"sunflowers/.rushes/{name}", b"{}", content_type="application/json")
    with pytest.raises(StoreRefused, match="is not the manifest that was frozen"):
        ledger.frozen()
    ledger.freeze(MANIFEST)
    assert ledger.frozen() == MANIFEST


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.sha256"])
def test_a_crash_while_freezing_is_mended_by_freezing_again(
    ledger: Ledger, store: WatchedStore, name: str, replaced: bool
) -> None:
    if replaced:
        ledger.freeze(b"{}")
    store.dies_at = f"sunflowers/.rushes/{name}"
    with pytest.raises(KeyboardInterrupt):
        ledger.freeze(MANIFEST)
    store.dies_at = None
    # What was frozen before can still be read, and be frozen over by another one than that which was being frozen.
    assert ledger.frozen() == (b"{}" if replaced else None)
    ledger.freeze(b"[]")
    assert ledger.frozen() == b"[]"
    assert ledger.told_digests() == (digest_of(b"[]"),)


def test_what_is_held_back_is_kept_byte_for_byte_and_replaced(ledger: Ledger) -> None:
    assert ledger.holds() is None
    ledger.hold(b'{"hold": "paused"}')
    ledger.hold(b"{}")
    assert ledger.holds() == b"{}"
    assert list(ledger.attempts()) == []
    assert ledger.frozen() is None


def test_a_job_besides_the_attempts_own_has_records_of_its_own(ledger: Ledger) -> None:
    own, late, later = acceptance(), acceptance(job_id="late"), acceptance(job_id="later")
    ledger.accept(own)
    ledger.accept(late, orphan=True)
    ledger.accept(later, orphan=True)
    ledger.end(ending(), orphan="later")
    assert ledger.acceptance(TAKE, 1) == own
    assert ledger.acceptance(TAKE, 1, orphan=orphan_token("late")) == late
    assert list(ledger.attempts()) == [
        AttemptRecord(
            TAKE,
            1,
            intended=False,
            accepted=True,
            ended=False,
            orphans={orphan_token("late"): False, orphan_token("later"): True},
        )
    ]


def test_the_attempts_of_one_take_are_listed_by_themselves(ledger: Ledger, store: WatchedStore) -> None:
    ledger.intend(intent())
    ledger.intend(intent(take=f"{TAKE}-and-more"))
    store.lists.clear()
    assert [one.take for one in ledger.attempts(TAKE)] == [TAKE]
    assert store.lists == [f"{ATTEMPTS}/"]


def test_records_come_back_equal(ledger: Ledger) -> None:
    for written in (intent(), intent(attempt=2, price=None)):
        ledger.intend(written)
        assert ledger.intent(TAKE, written.attempt) == written
    ledger.accept(acceptance())
    assert ledger.acceptance(TAKE, 1) == acceptance()
    ledger.end(ending())
    assert ledger.ending(TAKE, 1) == ending()


def test_a_record_is_json_that_a_person_can_read(ledger: Ledger, store: WatchedStore) -> None:
    ledger.intend(intent())
    body = store.get(f"{ATTEMPTS}/1.intent.json").decode()
    assert json.loads(body) == {
        "take": TAKE,
        "attempt": 1,
        "provider": "fal",
        "identity": "ab" * 32,
        "request_digest": "cd" * 32,
        "parents": [],
        "highest_price": "1.21",
        "currency": "USD",
        "hand": "the hand",
        "webhook": None,
        "at": "2026-11-21T06:14:03.250000Z",
    }
    assert body.startswith('{\n  "at": "2026-11-21T06:14:03.250000Z",\n  "attempt": 1,\n')
    assert body.endswith("}\n")


def test_a_price_that_is_not_known_is_null(ledger: Ledger, store: WatchedStore) -> None:
    ledger.intend(intent(price=None))
    assert json.loads(store.get(f"{ATTEMPTS}/1.intent.json"))["highest_price"] is None


def test_a_record_that_is_not_there_is_missing(ledger: Ledger) -> None:
    for read in (ledger.intent, ledger.acceptance, ledger.ending):
        with pytest.raises(ObjectMissing):
            read(TAKE, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b"\xff",
        intent().to_json().replace(b'"at": "2026', b'"at": "garbled 2026'),
        intent().to_json().replace(b"250000Z", b"250000"),
        intent().to_json().replace(b'"attempt": 1', b'"attempt": 0'),
    ],
)
def test_a_record_that_is_damaged_is_refused_by_name(ledger: Ledger, store: WatchedStore, body: bytes) -> None:
    store.put_bytes(f"{ATTEMPTS}/1.intent.json", body, content_type="application/json")
    with pytest.raises(StoreRefused, match=r"1\.intent\.json is not the intent"):
        ledger.intent(TAKE, 1)


def test_a_record_with_more_in_it_than_we_know_can_be_read(ledger: Ledger, store: WatchedStore) -> None:
    newer = json.loads(intent().to_json()) | {"added_later": [1]}
    store.put_bytes(f"{ATTEMPTS}/1.intent.json", json.dumps(newer).encode(), content_type="application/json")
    assert ledger.intent(TAKE, 1) == intent()


def nested(depth: int) -> object:
    value: object = "deep"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (json.loads('{"half a surrogate": "\\ud83d"}'), {"half a surrogate": "?"}),
        (json.loads("[NaN, Infinity, -1.5, 1e400]"), ["nan", "inf", -1.5, "inf"]),
        ({1: b"bytes", "夜": ("tuple", None, True)}, {"1": "b'bytes'", "夜": ["tuple", None, True]}),
        (10**40, 10**40),
        (nested(DEEPEST), nested(DEEPEST)),
        (nested(500), None),
    ],
)
def test_no_answer_keeps_an_acceptance_from_being_written(ledger: Ledger, answer: object, kept: object) -> None:
    written = acceptance(answer=answer, job_id="job-\udfff")
    ledger.accept(written)
    read = ledger.acceptance(TAKE, 1)
    assert read == written
    assert read.job_id == "job-?"
    if kept is not None:
        assert read.answer == kept
    else:
        assert "nested too deeply" in str(read.answer)


def test_attempts_tell_how_far_each_one_came(ledger: Ledger) -> None:
    ledger.intend(intent(1))
    ledger.end(ending(1))
    ledger.intend(intent(2))
    ledger.accept(acceptance(2))
    ledger.end(ending(2))
    ledger.intend(intent(3))
    ledger.accept(acceptance(3))
    ledger.intend(intent(1, take="opening/0007-wheat"))
    assert list(ledger.attempts()) == [
        AttemptRecord(TAKE, 1, intended=True, accepted=False, ended=True),
        AttemptRecord(TAKE, 2, intended=True, accepted=True, ended=True),
        AttemptRecord(TAKE, 3, intended=True, accepted=True, ended=False),
        AttemptRecord("opening/0007-wheat", 1, intended=True, accepted=False, ended=False),
    ]


def test_attempts_of_a_take_come_in_the_order_of_their_numbers(ledger: Ledger) -> None:
    for attempt in (10, 9, 2, 1, 11):
        ledger.intend(intent(attempt))
    assert [one.attempt for one in ledger.attempts()] == [1, 2, 9, 10, 11]


def test_listing_attempts_reads_no_record(ledger: Ledger, store: WatchedStore) -> None:
    for number in range(20):
        ledger.intend(intent(take=f"opening/{number:04}"))
        ledger.accept(acceptance(take=f"opening/{number:04}"))
    assert len(list(ledger.attempts())) == 20
    assert store.gets == []
    assert store.lists == ["sunflowers/.rushes/attempts/"]


def test_batches_and_foreign_files_are_kept_apart(ledger: Ledger, store: WatchedStore) -> None:
    ledger.intend(intent())
    Ledger(store, "sunflowers-2").intend(intent(take="follow/0001"))
    for name in ("notes.txt", "1.intent.json.bak", "01.intent.json", "x.intent.json"):
        store.put_bytes(f"{ATTEMPTS}/{name}", b"", content_type="text/plain")
    store.put_bytes("sunflowers/.rushes/attempts/1.intent.json", b"", content_type="text/plain")
    assert [(one.take, one.attempt) for one in ledger.attempts()] == [(TAKE, 1)]
