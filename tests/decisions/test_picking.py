"""Picking, and what it lets go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from decided import admitted, lose_redis, named
from scripted_fal import ScriptedFal
from workbench import Bench

from jobs.reading.loading import load_text
from jobs.takes.expansion import Expansion
from jobs.takes.spans import from_json
from workers.decisions import UnknownTarget, cancel, choices, pause, pick, resume, retry, starred, unpick
from workers.opening import open_batch
from workers.picks import Pick, add_picks

HEAD = "batch: night\nprovider: fal\nmodel: seedance-2.0-fast\ndefaults: {duration: 4, resolution: 480p}\nshots:\n"
DRAFTS = "  - name: drafts\n    prompt: a {animal}\n    sweep: {animal: [%s], seed: 1..2}\n    pick: true\n"
FINAL = "  - name: final\n    promote: drafts\n    model: seedance-2.0\n"


def opened(bench: Bench, animals: str = "cat, cow", rest: str = FINAL) -> Expansion:
    """Takes 0 to 3 are drafts and 4 to 7 what they are promoted to."""
    manifest = load_text(HEAD + DRAFTS % animals + rest, "night.yaml")
    open_batch(bench.context, manifest)
    for provider in bench.context.settings.providers:
        bench.room.set_limits(provider, bench.context.limits(provider))
    return bench.context.expansion("night")


def waiting(bench: Bench) -> list[int]:
    """The takes that wait for a pick."""
    spans = [span for span in from_json(bench.room.spans("night")) if span.hold == "unpicked"]
    return sorted(index for span in spans for index in range(span.start, span.end))


@pytest.fixture
def drafts(make: object, fal: ScriptedFal) -> Bench:
    return make(fal.url, RUSHES_FAL_SEATS="9")  # type: ignore[operator, no-any-return]


def test_what_is_promoted_waits_for_its_draft_to_be_picked(drafts: Bench) -> None:
    opened(drafts)
    assert waiting(drafts) == [4, 5, 6, 7]
    assert admitted(drafts) == [0, 1, 2, 3]
    standing = drafts.room.standing("night")
    assert standing is not None and standing.held == {"unpicked": 4}
    [first, second] = pick(drafts.context, [named("night/drafts/0002"), named("night/drafts/0003")])
    assert list(first.lines()) == ["night/drafts/0002-cat-seed2: picked", "  2 takes of night still wait for a pick"]
    assert second.takes == {"night/drafts/0003-cow-seed1": "picked"}
    assert admitted(drafts) == [5, 6]


def test_a_pick_can_be_taken_back_until_it_is_begun(drafts: Bench) -> None:
    opened(drafts)
    admitted(drafts)
    pick(drafts.context, [named("night/drafts")])
    unpick(drafts.context, [named("night/drafts/0001")])
    assert waiting(drafts) == [4]
    assert admitted(drafts) == [5, 6, 7]
    unpick(drafts.context, [named("night/drafts")])
    assert admitted(drafts) == []
    assert waiting(drafts) == [4, 5, 6, 7]


def test_picks_outlive_redis(drafts: Bench) -> None:
    opened(drafts)
    pick(drafts.context, [named("night/drafts/0002")])
    lose_redis(drafts, "night")
    assert waiting(drafts) == [4, 6, 7]
    assert [choice.names for choice in choices(drafts.context, named("night"))] == [("drafts/0002-cat-seed2",)]


def test_picks_follow_what_a_draft_asks_when_the_manifest_is_edited(drafts: Bench) -> None:
    opened(drafts)
    pick(drafts.context, [named("night/drafts/0002"), named("night/drafts/0003")])
    expansion = opened(drafts, "dog, cat, cow")
    picked = [choice.names for choice in choices(drafts.context, named("night"))]
    assert picked == [("drafts.2/0004-cat-seed2", "drafts.2/0005-cow-seed1")]
    free = [expansion[index].name for index in range(expansion.total) if expansion.is_live(index)]
    held = {expansion[index].name for index in waiting(drafts)}
    assert [name for name in free if name.startswith("final") and name not in held] == [
        "final.2/0004-cat-seed2",
        "final.2/0005-cow-seed1",
    ]


def test_other_holds_go_before_and_leave_the_picks_what_they_are(drafts: Bench) -> None:
    opened(drafts)
    pick(drafts.context, [named("night/drafts/0001")])
    pause(drafts.context, named("night/final"))
    assert waiting(drafts) == []
    pick(drafts.context, [named("night/drafts/0002")])
    assert admitted(drafts) == [0, 1, 2, 3]
    resume(drafts.context, named("night/final"))
    assert waiting(drafts) == [6, 7]
    cancel(drafts.context, named("night/final"))
    retry(drafts.context, named("night/final"))
    assert waiting(drafts) == [6, 7]
    assert admitted(drafts) == [4, 5]


def test_what_hangs_on_something_unpicked_waits_with_it(drafts: Bench) -> None:
    rest = (
        "  - name: follow\n    for_each: drafts\n    prompt: it leaps\n    start_image: drafts.last_frame\n"
        "  - name: coda\n    prompt: 'a {animal} sleeps'\n    start_image: 'follow[seed=2].last_frame'\n"
        "    sweep: {animal: [cow, cat]}\n"
    )
    opened(drafts, rest=rest)
    assert waiting(drafts) == [4, 5, 6, 7, 8, 9]
    pick(drafts.context, [named("night/drafts/0004")])
    assert waiting(drafts) == [4, 5, 6, 9], "its follow, and the coda of that"


def test_only_what_is_picked_from_can_be_picked(drafts: Bench) -> None:
    opened(drafts)
    with pytest.raises(UnknownTarget, match="nothing waits for night/final to be picked; what is picked from is"):
        pick(drafts.context, [named("night/drafts/0001"), named("night/final")])
    assert waiting(drafts) == [4, 5, 6, 7], "all or none"


def test_picks_that_were_changed_by_hand_are_not_guessed_at(drafts: Bench, tmp_path: Path) -> None:
    opened(drafts)
    drafts.context.ledger("night").pick(b'{"picked": "all"}')
    drafts.forget()
    with pytest.raises(Exception, match=r"picks\.json is not what Rushes wrote there"):
        opened(drafts)


def test_a_million_drafts_are_a_few_spans(drafts: Bench) -> None:
    manifest = load_text(HEAD + "  - name: drafts\n    prompt: x\n    sweep: {seed: 1..500000}\n" + FINAL, "night.yaml")
    open_batch(drafts.context, manifest)
    pick(drafts.context, [named("night/drafts/234112")])
    unpicked = [(span.start, span.end) for span in from_json(drafts.room.spans("night")) if span.hold]
    assert unpicked == [(500_000, 734_111), (734_112, 1_000_000)]


def test_those_with_a_star_are_picked_where_they_can_be(drafts: Bench) -> None:
    opened(drafts)
    with pytest.raises(UnknownTarget, match="rushes picks import"):
        starred(drafts.context, [named("night")])
    names = [drafts.context.expansion("night")[index].name for index in range(8)]
    opinions = {
        names[0]: Pick(star=True, at=1.0),
        names[1]: Pick(star=True, rejected=True, at=1.0),
        names[2]: Pick(rating=5, at=1.0),
        names[3]: Pick(star=True, at=1.0),
        names[4]: Pick(star=True, at=1.0),  # nothing is made from it
        "drafts/0099-nobody": Pick(star=True, at=1.0),
    }
    add_picks(drafts.store, "night", opinions)
    found = starred(drafts.context, [named("night")])
    assert [str(each) for each in found] == [f"night/{names[0]}", f"night/{names[3]}"]
    assert starred(drafts.context, [named("night/drafts/0004"), named("night/drafts/0004")]) == found[1:]
    pick(drafts.context, found)
    assert waiting(drafts) == [5, 6]
