"""`rushes diff`: what a run would add, held against what opening the batch then does."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from scripted_fal import ScriptedFal
from taken_up import done, edited, end, opened, shot, stored
from workbench import Bench

from jobs.manifest import Manifest
from jobs.prices.pricing import price_range
from jobs.prices.remaining import remaining_totals
from jobs.prices.totals import Priced, Totals, totals_of
from jobs.reading.loading import load_text
from jobs.takes.choosing import Choice
from jobs.takes.expansion import Expansion
from rushes.comparing import diff, told
from workers.decisions import Target, cancel, pause, pick
from workers.difference import PARTS, Difference, difference
from workers.ledger import Acceptance, Intent
from workers.opening import open_batch


def found(bench: Bench, manifest: Manifest) -> Difference:
    before = stored(bench)
    difference_now = difference(bench.store, manifest)
    assert stored(bench) == before, "a look writes nothing"
    return difference_now


def counts(told_of: Difference) -> dict[str, int]:
    return {name: told_of.parts[name] for name in PARTS if told_of.parts[name]}


def dollars(totals: Totals) -> Decimal:
    return totals.by_currency["USD"].most if totals.by_currency else Decimal(0)


def test_a_batch_that_nobody_has_opened_is_all_new(bench: Bench) -> None:
    of = found(bench, edited(shot(seed=[1, 2])))
    assert (of.known, of.takes, counts(of)) == (False, 2, {"to_render": 2})
    assert [each.change for each in of.shots] == ["new"]
    assert next(iter(told(of))) == "b: 2 takes, which the store doesn't have yet"


def test_what_is_done_is_not_rendered_again(bench: Bench) -> None:
    manifest = edited(shot(seed=[1, 2, 3]))
    opened(bench, manifest)
    done(bench, 0, 1)
    of = found(bench, manifest)
    assert counts(of) == {"done": 2, "to_render": 1}
    assert dollars(of.price) == dollars(found(bench, edited(shot(seed=[9]), batch="other")).price)
    done(bench, 2)
    assert list(told(found(bench, manifest))) == ["b: 3 takes", "  3 done already", "  nothing is left to submit"]


def test_an_edit_is_told_as_opening_it_then_finds_it(bench: Bench, fal: ScriptedFal) -> None:
    opened(bench, edited(shot("a", seed=[1, 2]), shot("gone", seed=[7]), shot("same", seed=[5])))
    done(bench, 0, 1, 2)
    after = edited(shot("a", seed=[1, 2, 3]), shot("same", seed=[5]), shot("fresh", prompt="a cat"))
    of = found(bench, after)
    assert counts(of) == {"copied": 2, "to_render": 3}
    assert [(each.name, each.change, each.takes) for each in of.shots] == [
        ("a", "changed", 3),
        ("same", "same", 1),
        ("fresh", "new", 1),
    ]
    assert [(each.shot, each.takes, each.done) for each in of.withdrawn] == [("a", 2, 2), ("gone", 1, 1)]
    lines = list(told(of))
    assert "  3 asked for no more; 3 of them are done, and stay where they are" in lines
    assert "a: 3 takes, changed: 2 copied, 1 to render" in lines
    opening = opened(bench, after)
    assert (opening.reused, opening.total) == (of.parts["copied"], of.takes)
    assert counts(found(bench, after)) == {"done": 2, "to_render": 3}
    assert fal.asked == []


def test_what_other_batches_have_counts_where_it_is_to_be_reused(bench: Bench) -> None:
    opened(bench, edited(shot(seed=[1]), batch="c"))
    done(bench, 0, batch="c")
    assert counts(found(bench, edited(shot(seed=[1, 2])))) == {"to_render": 2}
    assert counts(found(bench, edited(shot(seed=[1, 2]), reuse=True))) == {"copied": 1, "to_render": 1}


def test_attempts_are_told_by_what_they_have_come_to(bench: Bench) -> None:
    manifest = edited(shot(seed=[1, 2, 3, 4, 5, 6]))
    opened(bench, manifest)
    ledger = bench.context.ledger("b")
    names = [take.name for take in Expansion(manifest)]
    for name in names[:5]:
        take = {"take": name, "attempt": 1, "provider": "fal", "at": 1.0}
        ledger.intend(Intent(**take, identity="i", request_digest="d", highest_price=Decimal(1)))
    ledger.accept(Acceptance(take=names[1], attempt=1, provider="fal", job_id="j", urls={}, status=200, at=2.0))
    for name, kind in ((names[2], "transient"), (names[3], "input-moderation"), (names[4], "waived")):
        end(bench, kind, take=name)
    assert counts(found(bench, manifest)) == {
        "in_doubt": 1,
        "following": 1,
        "to_render": 2,
        "failed": 1,
        "given_up": 1,
    }


@pytest.mark.parametrize(
    "sweep",
    [
        {"seed": "1..5"},
        {"duration": [4, 6, 15], "resolution": ["480p", "720p"]},
        {"model": ["seedance-2.0", "seedance-2.0-fast"], "duration": [4, "auto"]},
        {"aspect_ratio": ["16:9", "1:1"], "duration": "4..7"},
    ],
)
@pytest.mark.parametrize("price", [None, "0.4 USD"])
def test_what_is_left_to_pay_is_the_sum_of_what_is_left(sweep: dict[str, object], price: str | None) -> None:
    fields = {} if price is None else {"price": price}
    manifest = edited({"name": "s", "prompt": "x", "sweep": sweep}, **fields)
    expansion = Expansion(manifest)
    had = list(range(0, expansion.total, 2))
    rest = [take for take in expansion if take.index not in had]
    given = manifest.price_of(manifest.shots[0])
    if given is not None:
        assert dollars(remaining_totals(manifest, 0, expansion, had)) == given.amount * len(rest)
        return
    one_by_one = totals_of(Priced(1, price_range(take.asked, "fal")) for take in rest)
    assert remaining_totals(manifest, 0, expansion, had) == one_by_one


def test_the_command_reads_the_store_alone(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = edited(shot(seed=[1, 2]))
    opened(bench, manifest)
    done(bench, 0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUSHES_STORE", bench.context.settings.store)
    monkeypatch.setenv("RUSHES_REDIS_URL", "redis://127.0.0.1:9/0")  # nobody answers there
    (tmp_path / "b.yaml").write_text(manifest.model_dump_json(exclude_defaults=True), encoding="utf-8")
    result = CliRunner().invoke(diff, ["b.yaml"])
    assert result.exit_code == 0, result.exception
    assert result.output.splitlines()[:2] == ["b: 2 takes", "  1 done already"]
    told_json = json.loads(CliRunner().invoke(diff, ["b.yaml", "--json"]).output)
    assert (told_json["done"], told_json["to_render"], told_json["withdrawn"]) == (1, 1, [])
    assert told_json["shots"][0]["change"] == "same"
    rehearsed = CliRunner().invoke(diff, ["b.yaml", "--sandbox", "--json"])
    assert json.loads(rehearsed.output)["known"] is False


def test_what_is_held_is_told_apart_and_not_priced(bench: Bench) -> None:
    manifest = edited(shot("a", seed=[1, 2, 3]), shot("c", seed=[1, 2]), shot("e", seed=[1]))
    opened(bench, manifest)
    done(bench, 0)
    pause(bench.context, Target.parse("b/a"))
    cancel(bench.context, Target.parse("b/e"))
    of = found(bench, manifest)
    assert counts(of) == {"done": 1, "given_up": 1, "paused": 2, "to_render": 2}
    assert of.price == found(bench, edited(shot("c", seed=[1, 2]), batch="other")).price
    assert "  2 paused by a person: rushes resume lets them go on" in list(told(of))


def test_with_a_choice_the_rest_is_told_as_left_out(bench: Bench) -> None:
    manifest = edited(shot("a", seed=[1, 2, 3]), shot("c", seed=[1, 2]))
    opened(bench, manifest)
    done(bench, 0)
    of = difference(bench.store, manifest, choice=Choice(limit=2))
    assert counts(of) == {"done": 1, "left_out": 3, "to_render": 1}
    assert dollars(of.price) * 2 == dollars(difference(bench.store, manifest, choice=Choice(("c",))).price)
    open_batch(bench.context, manifest, (), Choice(limit=2))
    assert counts(found(bench, manifest)) == {"done": 1, "to_render": 4}, "a run without a choice renders all"


def test_drafts_that_nobody_has_picked_are_told(bench: Bench) -> None:
    manifest = load_text(
        "batch: b\nprovider: fal\nmodel: seedance-2.0-fast\nshots:\n"
        "  - {name: s, prompt: a dog, sweep: {seed: 1..3}}\n  - {name: final, promote: s, model: seedance-2.0}\n",
        "b.yaml",
    )
    opened(bench, manifest)
    pick(bench.context, [Target.parse("b/s/0002")])
    assert counts(found(bench, manifest)) == {"unpicked": 2, "to_render": 4}


def test_what_is_left_of_the_budget_is_held_against_what_is_to_render(bench: Bench) -> None:
    manifest = edited(shot(seed=[1, 2, 3, 4]), budget="1 USD", price="0.30 USD")
    opened(bench, manifest)
    done(bench, 0)
    ledger = bench.context.ledger("b")
    for index in (1, 2):
        take = Expansion(manifest)[index]
        intent = Intent(
            take=take.name,
            attempt=1,
            provider="fal",
            identity=take.asked.identity(),
            request_digest="0" * 64,
            highest_price=Decimal("0.30"),
            currency="USD",
            at=1.0,
        )
        ledger.intend(intent)
    end(bench, "output-moderation", take="s/0002-seed2")
    of = found(bench, manifest)
    assert counts(of) == {"done": 1, "in_doubt": 1, "failed": 1, "to_render": 1}
    assert of.budget is not None
    assert (of.budget.spent, of.budget.open, of.budget.needed) == (Decimal("0.5"), Decimal("0.3"), Decimal("0.3"))
    assert not of.budget.enough
    assert list(told(of))[-2] == (
        "  budget: 0.5 of 1 USD spent at most, up to 0.3 may be by what is under way or in doubt; "
        "0.2 USD left, not enough for what is to render at 0.3 USD at most"
    )
    more = found(bench, edited(shot(seed=[1, 2, 3, 4]), budget="2 USD", price="0.30 USD"))
    assert more.budget is not None and more.budget.enough and more.to_json()["budget"]["left"] == "1.2"
