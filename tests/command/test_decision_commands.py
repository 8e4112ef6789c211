"""The commands that look and decide, as a person runs them."""

from __future__ import annotations

import json

import pytest
from person import Desk
from scripted_fal import ScriptedFal
from workbench import Bench

from rushes.exits import Exit
from workers.engine.states import State, Step
from workers.money import quotes
from workers.opening import LOOKED_AT
from workers.steps import submit

SHOTS = [
    {"name": "first", "prompt": "a dog", "sweep": {"seed": [1, 2]}},
    {"name": "second", "prompt": "a {animal}", "sweep": {"animal": ["cat", "cow"]}},
]


@pytest.fixture
def night(bench: Bench) -> Bench:
    bench.open(batch="night", shots=SHOTS, budget="40 USD")
    return bench


@pytest.fixture
def doubted(bench: Bench, fal: ScriptedFal) -> Bench:
    """A batch of which every take is in doubt, and settled no more."""
    fal.posts = [lambda asked: asked.hang_up()]
    bench.open(batch="night", takes=2)
    for work in bench.all_due(Step.SUBMIT):
        submit(bench.context, work)
    bench.clock.forward(60)
    for work in bench.all_due(Step.SETTLE):
        bench.room.move(work, State.DOUBT, State.DOUBT)
    fal.posts = [fal.accept]
    return bench


def test_status_tells_of_one_batch_and_of_all(night: Bench, desk: Desk) -> None:
    night.open(batch="other")
    one = desk.run("status", "night")
    assert (one.code, one.output.splitlines()[0]) == (0, "night: 0/4 done, 4 waiting")
    assert "  money: 0.00 USD of 40.00 USD spent" in one.output
    every = desk.run("status").output.splitlines()
    assert [line.partition(":")[0] for line in every] == ["night", "other"]
    told = json.loads(desk.run("status", "night", "--json").output)
    assert (told["batch"], told["states"]["waiting"], told["money"]["limit"]) == ("night", 4, 40_000_000)
    assert [each["batch"] for each in json.loads(desk.run("status", "--json").output)["batches"]] == ["night", "other"]


def test_pausing_resuming_and_putting_first(night: Bench, desk: Desk) -> None:
    assert desk.run("pause", "night/first", "--reason", "wrong dog").output == "night/first: 2 paused\n"
    assert json.loads(desk.run("priority", "night/second", "-5", "--json").output)["stand"] == {"waiting": 2}
    assert night.room.spans("night") == '[[0,2,0,"paused"],[2,4,-5,null]]'
    assert desk.run("status", "night").output.startswith("night: 0/4 done, 2 waiting, 2 paused")
    assert desk.run("resume", "night").output == "night: 4 waiting\n"


@pytest.mark.long
def test_cancelling_waiving_and_retrying(night: Bench, desk: Desk) -> None:
    assert desk.run("cancel", "night/first/0001").output == "night/first/0001-seed1: cancelled\n"
    assert desk.run("waive", "night/first/0002").output == "night/first/0002-seed2: waived\n"
    assert desk.run("waive", "night/second").output == "night/second: 2 waived\n"
    ended = desk.run("watch", "night")
    assert ended.code == Exit.STOPPED
    assert "stopped: 1 of 4 takes are cancelled" in ended.output
    assert "Take it up again: rushes retry night" in ended.output
    assert desk.run("retry", "night", "--shot", "second").output == "night/second: 2 waiting\n"
    assert desk.run("retry", "night").output.splitlines()[0] == "night: 4 waiting"


def test_what_was_waived_is_settled(night: Bench, desk: Desk) -> None:
    desk.run("waive", "night")
    ended = desk.run("watch", "night", "--json")
    assert json.loads(ended.output.splitlines()[-1]) == {"batch": "night", "exit": 0, "reason": None}
    assert ended.code == Exit.DONE


def test_a_batch_that_is_not_there_is_one_message(night: Bench, desk: Desk) -> None:
    for command in (["status"], ["pause"], ["doubts"], ["watch"], ["recover"], ["resolve", "--waive"]):
        ended = desk.run(command[0], "nihgt", *command[1:])
        assert ended.code == Exit.WRONG_INPUT
        assert ended.output.startswith("rushes: there is no batch 'nihgt' in the store ")
        assert ended.output.endswith("; did you mean night?\n")


def test_doubts_say_what_they_may_have_cost_and_how_to_decide(doubted: Bench, desk: Desk) -> None:
    told = desk.run("doubts", "night").output
    assert told.splitlines()[0].startswith("night: 2 in doubt, which may have cost up to 0.")
    assert "its prompt begins: a dog" in told
    assert "rushes resolve night/SHOT/TAKE --adopt JOB_ID, --resubmit or --waive" in told
    rows = json.loads(desk.run("doubts", "night", "--json").output)
    assert [row["take"] for row in rows] == ["s/0001-seed1", "s/0002-seed2"]


def test_the_end_of_a_batch_names_its_doubts(doubted: Bench, desk: Desk) -> None:
    ended = desk.run("watch", "night")
    assert ended.code == Exit.DOUBT
    assert "  2 in doubt:\n    s/0001-seed1: up to 0." in ended.output
    assert "  rushes doubts night" in ended.output.replace("    rushes", "  rushes")


@pytest.mark.long
def test_paying_again_wants_a_yes_but_for_a_single_take(doubted: Bench, desk: Desk) -> None:
    refused = desk.run("resolve", "night", "--resubmit")
    assert refused.code == Exit.WRONG_INPUT
    assert "2 takes in doubt may have been paid for already, and would be paid once more: up to 0." in refused.output
    assert "Say --yes" in refused.output
    assert doubted.state(0, "night") is State.DOUBT
    assert desk.run("resolve", "night/s/0001", "--resubmit").code == 0
    assert desk.run("resolve", "night", "--resubmit", "--yes").code == 0
    assert [doubted.state(index, "night") for index in (0, 1)] == [State.WAITING, State.WAITING]


def test_a_failure_that_may_have_been_billed_is_asked_about(doubted: Bench, desk: Desk) -> None:
    desk.run("waive", "night/s/0001")
    refused = desk.run("retry", "night")
    assert refused.code == Exit.WRONG_INPUT
    assert "1 take may have been paid for already" in refused.output
    assert desk.run("retry", "night", "--failed").code == 0
    assert doubted.state(0, "night") is State.WAIVED
    assert desk.run("retry", "night", "--yes").code == 0
    assert doubted.state(0, "night") is State.WAITING


def test_only_failures_of_the_kind_that_is_named_are_tried_again(night: Bench, desk: Desk) -> None:
    (quote,) = night.all_due(Step.QUOTE)
    night.room.quote("night", quotes(night.context, "night", quote.index))
    works = night.all_due(Step.SUBMIT)[:2]
    for work, kind in zip(works, ("transient", "output-moderation"), strict=True):
        assert night.room.move(work, State.ADMITTED, State.FAILED, fields={"error": {"kind": kind, "message": "no"}})
    desk.run("retry", "night", "--class", "transient", "--yes")
    assert [night.state(work.index, "night") for work in works] == [State.WAITING, State.FAILED]


def test_a_job_that_was_found_is_adopted(doubted: Bench, desk: Desk, fal: ScriptedFal) -> None:
    fal.statuses = [lambda asked: asked.say(404, {"detail": "Not found"})]
    refused = desk.run("resolve", "night/s/0001", "--adopt", "job-9")
    assert refused.code == Exit.WRONG_INPUT
    assert "fal knows no job job-9" in refused.output
    fal.statuses = [lambda asked: asked.say(202, {"status": "IN_PROGRESS"})]
    assert desk.run("resolve", "night/s/0001", "--adopt", "job-9").output.endswith(": rendering, as job job-9\n")
    assert fal.count("POST") == 2


@pytest.mark.parametrize("options", [[], ["--resubmit", "--waive"], ["--adopt", "j", "--waive"]])
def test_one_decision_is_made_at_a_time(doubted: Bench, desk: Desk, options: list[str]) -> None:
    ended = desk.run("resolve", "night", *options)
    assert ended.code == Exit.WRONG_INPUT
    assert "say one of --resubmit, --adopt JOB_ID and --waive" in ended.output
    assert doubted.state(0, "night") is State.DOUBT


def test_a_batch_that_redis_lost_is_taken_up_and_set_to_work_by_recover_alone(night: Bench, desk: Desk) -> None:
    night.forget()
    assert desk.run("status").output == "night: in the store alone; rushes recover night takes it up\n"
    assert LOOKED_AT in desk.run("status", "night").output
    assert desk.run("watch", "night").code == Exit.STOPPED
    recovered = desk.run("recover", "night")
    assert recovered.code == 0
    assert recovered.output == "night: taken up from the store: 0 of 4 takes are done, 4 to render, 0 failed\n"
    assert night.room.hold_on("night") == (None, "")
    assert [work.step for work in night.room.tick()] == [Step.QUOTE]  # its first take may be submitted


def test_every_batch_is_recovered(night: Bench, desk: Desk) -> None:
    night.open(batch="other")
    night.forget()
    lines = desk.run("recover", "--all").output.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["night", "other"]
    assert night.room.batches() == ["night", "other"]


def test_a_limit_that_was_set_ends_with_its_own_code_and_what_lets_it_go_on(night: Bench, desk: Desk) -> None:
    night.open(batch="night", shots=SHOTS, budget="0.01 USD")
    night.room.tick()
    night.room.quote("night", dict.fromkeys(range(4), "454659,"))
    assert night.room.tick() == []
    ended = desk.run("watch", "night")
    assert ended.code == Exit.STOPPED
    assert "the next take doesn't fit into the budget of 0.01 USD" in ended.output
    assert "Raise the budget in its manifest, and carry on: rushes recover night" in ended.output


def test_a_budget_that_can_not_be_kept_is_refused_before_anything_starts(desk: Desk) -> None:
    (desk.folder / "night.yaml").write_text(
        "batch: night\nprovider: fal\nmodel: seedance-2.0-fast\nbudget: 400 credits\n"
        "shots: [{name: s, prompt: a dog, duration: 4}]\n"
    )
    for command in ("run", "submit"):
        ended = desk.run(command, "night.yaml")
        assert ended.code == Exit.WRONG_INPUT
        assert "its takes are priced in USD, and the budget is in credits" in ended.output


def test_an_edited_manifest_says_what_is_done_already(night: Bench, desk: Desk) -> None:
    (desk.folder / "night.yaml").write_text(
        "batch: night\nprovider: fal\nmodel: seedance-2.0-fast\nshots: [{name: third, prompt: a hen, duration: 4}]\n"
    )
    ended = desk.run("submit", "night.yaml")
    assert ended.code == 0
    assert "night: its manifest was changed: 0 of its 1 takes are done already" in ended.output
