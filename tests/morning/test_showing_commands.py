"""`rushes status`, `watch` and `show`: what is seen of a batch while it is under way, and of one take."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace

from click.testing import Result
from rich.console import Console
from workbench import KEY, Bench

from rushes.overview import Overview, Watcher
from rushes.pace import Pace
from rushes.showing import panel, sentence
from workers.engine.standing import Standing
from workers.engine.states import State
from workers.reports.report import Failed
from workers.reports.writing import span
from workers.settings import REHEARSAL

Rushes = Callable[..., Result]


def standing(bench: Bench) -> Standing:
    found = bench.room.standing("night")
    assert found is not None
    return found


def test_a_pace_is_told_once_enough_was_seen_and_forgets_what_is_long_ago() -> None:
    pace = Pace()
    pace.see(0.0, 0)
    assert pace.per_minute is None
    pace.see(10.0, 1)
    assert pace.per_minute is None
    pace.see(60.0, 4)
    assert pace.per_minute == 4.0
    assert pace.seconds_for(8) == 120.0
    for at in range(1000, 2001, 100):
        pace.see(float(at), 4 + (at - 900) // 100)
    assert pace.per_minute is not None
    assert 0.5 < pace.per_minute < 0.8
    pace.see(2001.0, 2)
    assert pace.per_minute is None, "takes are tried again, and it begins anew"


def test_a_terminal_sees_shots_seats_money_and_the_last_failure(night: Bench) -> None:
    look = Watcher(night.context, "night").look(standing(night), 0.0)
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True, no_color=True)
    console.print(panel(standing(night), "waiting for rain", 75.0, look))
    told = out.getvalue()
    for text in ["2/4 done  1 min 15 s", "good", "2/2", "fal: ", "40.00 USD"]:
        assert text in told
    assert "refused/0001 failed [input-moderation]" in told
    assert "Change the prompt or inputs of the shot refused" in told
    assert "waiting for rain" in told
    assert "\x1b[3" not in told, "no colours where none are wanted"


def test_only_what_changes_is_read_again(night: Bench) -> None:
    watcher = Watcher(night.context, "night")
    first = watcher.look(standing(night), 0.0)
    assert [each.take for each in first.failures] == ["refused/0001"]
    watcher.context = None  # type: ignore[assignment]
    assert watcher.look(standing(night), 1.0).failures == first.failures


def test_one_line_tells_the_pace(night: Bench) -> None:
    watcher = Watcher(night.context, "night")
    watcher.pace.see(-60.0, 0)
    assert "takes a minute" in sentence(standing(night), None, watcher.look(standing(night), 0.0))


def test_status_tells_shots_and_failures(night: Bench, rushes: Rushes) -> None:
    lines = rushes("status", "night").output.splitlines()
    assert "  good: 2 done of 2" in lines
    assert "  lost: 1 in doubt of 1" in lines
    assert any(line.startswith("  refused/0001 failed [input-moderation]: ") for line in lines)
    told = json.loads(rushes("status", "night", "--json").stdout)
    assert [each["shot"] for each in told["shots"]] == ["good", "refused", "lost"]
    assert [each["take"] for each in told["latest_failures"]] == ["refused/0001"]


def test_watch_in_a_pipe_says_each_failure_once_in_plain_lines(night: Bench, rushes: Rushes) -> None:
    told = rushes("watch", "night")
    assert told.exit_code == 6
    assert told.output.count("night: refused/0001 failed [input-moderation]: ") == 1
    assert "\x1b" not in told.output


def test_a_take_that_is_done_tells_its_whole_story(night: Bench, rushes: Rushes) -> None:
    told = rushes("show", "night/good/0001")
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert lines[0] == "night/good/0001-wheat: done"
    assert any(line.startswith("  attempt 1 at fal, job ") and "cost " in line for line in lines)
    states = [line.split()[3] for line in lines if line.startswith("    20")]
    assert sorted(states) == sorted(("admitted", "submitting", "accepted", "rendered", "downloaded", "stored"))
    story = json.loads(rushes("show", "night/good/0001", "--json").stdout)
    assert story["request"]["body"]["prompt"] == "a dog in wheat"
    assert [file["what"] for file in story["files"]] == ["video", "last frame", "poster"]
    assert story["attempts"][0]["answer"]["status"] == 200
    assert KEY not in json.dumps(story)


def test_one_that_failed_or_is_in_doubt_says_what_to_do(night: Bench, rushes: Rushes) -> None:
    refused = rushes("show", "night/refused/1").output
    assert "  failed [input-moderation]: " in refused
    assert "  Change the prompt or inputs of the shot refused in the manifest, and run it again" in refused
    assert "rushes doubts night" in rushes("show", "night/lost/0001").output


def test_a_batch_is_no_take(night: Bench, rushes: Rushes) -> None:
    told = rushes("show", "night")
    assert (told.exit_code, "night/SHOT/0001" in told.output) == (2, True)


def test_status_tells_the_pace_that_the_workers_have_counted(night: Bench, rushes: Rushes) -> None:
    found = standing(night)
    assert found.per_minute is not None and found.per_minute > 0, "of the two that are done, and the one that failed"
    assert not any("takes a minute" in line for line in rushes("status", "night").output.splitlines()), "it has ended"
    later = replace(found, states={**found.states, State.WAITING: 30}, per_minute=3.0)
    look = Watcher(night.context, "night").look(later, 0.0)
    assert look.pace() == f"3.0 takes a minute, about {span(600.0)} to go"
    assert look.to_json()["seconds_left"] == 600


def test_advice_on_a_rehearsal_says_so(night: Bench) -> None:
    found = standing(night)
    night.context.settings = night.context.settings.model_copy(update={"namespace": REHEARSAL})
    look = Overview((), (Failed("good/0001-wheat", "transient", "no", 1, "fal"),), rehearsed=True)
    assert "rushes retry night/good/0001-wheat --class transient --sandbox" in "\n".join(look.failure_lines("night"))
    assert Watcher(night.context, "night").look(found, 0.0).rehearsed
