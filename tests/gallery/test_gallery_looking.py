"""What is shown of each take, and why one has no video: from the store alone."""

from __future__ import annotations

import pytest
from shown_batch import MakeShown, seeds, shot

from workers.engine.states import State
from workers.gallery import looking
from workers.gallery.data import STATES
from workers.gallery.looking import Onlooker
from workers.holds import Holds, write_holds
from workers.ledger import Acceptance
from workers.receipts import keys_of


def test_a_take_is_done_when_it_has_its_receipt_and_else_waits(shown: MakeShown) -> None:
    batch = shown()
    take = batch.done(1)
    sights = list(batch.view().sights)
    assert [sight.state for sight in sights] == ["waiting", "done", "waiting"]
    assert sights[1].name == take.name
    assert sights[1].receipt is not None
    assert sights[1].receipt.answer is None, "most of a receipt, and not shown"
    assert sights[1].poster


@pytest.mark.parametrize(
    ("kind", "decided", "state"),
    [
        ("output-moderation", None, "failed"),
        ("transient", None, "failed"),
        ("output-moderation", "retried", "waiting"),
        ("resubmitted", None, "waiting"),
        ("in-doubt", "waived", "waived"),
        ("waived", None, "waived"),
        ("cancelled", None, "cancelled"),
    ],
)
def test_an_attempt_that_has_ended_tells_why(shown: MakeShown, kind: str, decided: str | None, state: str) -> None:
    batch = shown()
    batch.ended(0, kind, "it said no", decided=decided)
    sight = next(iter(batch.sights().values()))
    assert (sight.state, sight.kind, sight.attempt) == (state, kind, 1)
    assert sight.why == ("a person wants it to be submitted once more" if state == "waiting" else "it said no")


def test_the_latest_attempt_counts(shown: MakeShown) -> None:
    batch = shown()
    batch.ended(0, "transient", "the provider fell over")
    batch.accepted(0, attempt=2)
    sight = next(iter(batch.sights().values()))
    assert (sight.state, sight.attempt) == ("rendering", 2)


def test_an_intent_alone_is_a_doubt_unless_workers_are_at_it(shown: MakeShown) -> None:
    batch = shown()
    name = batch.intended(0)
    assert batch.sights()[name].state == "doubt"
    assert batch.sights(running=True)[name].state == "submitting"


def test_what_a_person_holds_back_says_so(shown: MakeShown) -> None:
    batch = shown(seeds(4))
    batch.done(0)
    write_holds(batch.ledger, Holds(spans=((1, 2, None, "paused"), (2, 3, None, "waived"))))
    assert [sight.state for sight in batch.view().sights] == ["done", "paused", "waived", "waiting"]
    write_holds(batch.ledger, Holds(hold="cancelled", reason="wrong dog"))
    assert [(sight.state, sight.why) for sight in batch.view().sights[1:]] == [("cancelled", "wrong dog")] * 3


def test_an_edited_shot_keeps_what_was_rendered_of_it(shown: MakeShown) -> None:
    batch = shown(seeds(2), shot("leap"))
    batch.done(0)
    batch.edit([seeds(2, prompt="A cat"), shot("leap")])
    told = [(sight.name, sight.state, sight.live) for sight in batch.view().sights]
    assert told == [
        ("opening.2/0001-seed1", "waiting", True),
        ("opening.2/0002-seed2", "waiting", True),
        ("leap/0001", "waiting", True),
        ("opening/0001-seed1", "done", False),
    ]


def test_a_video_that_came_besides_is_shown_after_its_take(shown: MakeShown) -> None:
    batch = shown()
    batch.done(0)
    name = batch.expansion[0].name
    acceptance = Acceptance(take=name, attempt=1, provider="fal", job_id="late", urls={}, status=200, at=1.0)
    batch.ledger.accept(acceptance, orphan=True)
    (key,) = [key for key in batch.store.keys("night/.rushes/attempts/") if "orphan" in key]
    token = key.partition("orphan-")[2][:16]
    batch.done(0, name=f"{name}.orphan-{token}", poster=None)
    first, second, *_ = batch.view().sights
    assert (first.name, second.name) == (name, f"{name}.orphan-{token}")
    assert (second.state, second.besides, second.poster) == ("done", name, False)


def test_of_a_batch_that_is_too_large_only_what_is_on_record_is_shown(
    shown: MakeShown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "MOST_WAITING", 9)
    batch = shown(seeds(10))
    batch.done(3)
    view = batch.view()
    assert [sight.name for sight in view.sights] == ["opening/0004-seed4"]
    assert view.unshown == 9


def test_a_receipt_is_read_once(shown: MakeShown, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = shown()
    batch.done(0)
    onlooker = Onlooker(batch.store, "night")
    read: list[str] = []
    get = batch.store.get
    monkeypatch.setattr(batch.store, "get", lambda key: (read.append(key), get(key))[1])
    for _ in range(2):
        listing = onlooker.listing()
        assert listing is not None
        onlooker.view(listing)
    batch.done(1)
    listing = onlooker.listing()
    assert listing is not None
    assert len([sight for sight in onlooker.view(listing).sights if sight.receipt]) == 2
    receipts = [key for key in read if key.endswith(".receipt.json")]
    assert receipts == [keys_of("night", batch.expansion[at].name).receipt for at in (0, 1)]


def test_the_fingerprint_tells_whatever_changes_the_page(shown: MakeShown) -> None:
    batch = shown()
    seen = {batch.view().fingerprint}
    for change in (
        lambda: batch.done(0, poster=None),
        lambda: batch.store.put_bytes("night/opening/0001-seed1.poster.webp", b"p", content_type="image/webp"),
        lambda: batch.intended(1),
        lambda: batch.accepted(1),
        lambda: write_holds(batch.ledger, Holds(hold="paused")),
        lambda: batch.edit([seeds(4)]),
    ):
        change()
        assert batch.view().fingerprint == batch.view().fingerprint
        seen.add(batch.view().fingerprint)
    assert len(seen) == 7


def test_there_is_no_such_batch(shown: MakeShown) -> None:
    assert Onlooker(shown().store, "day").listing() is None


def test_every_state_that_is_shown_is_one_of_the_engine_or_a_hold() -> None:
    assert set(STATES) <= {state.value for state in State} | {"paused"}


def test_what_waits_for_a_pick_says_so_and_a_chain_is_known_by_its_receipts(shown: MakeShown) -> None:
    drafts = {**seeds(2, "drafts"), "pick": True}
    follow = shot("follow", for_each="drafts", start_image="drafts.last_frame")
    batch = shown(drafts, follow)
    parent = batch.done(0)
    waiting = [sight for sight in batch.view().sights if sight.shot == "follow"]
    assert {(sight.state, "rushes pick" in sight.why) for sight in waiting} == {("waiting", True)}
    batch.done(2, parents=[{"take": parent.name, "file": "last_frame", "sha256": "0" * 64}])
    told = [row.more for row in batch.data()["takes"]]
    assert told[2] == {"parents": [parent.name]}
