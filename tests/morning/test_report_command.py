"""`rushes report`: what became of a batch, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import Result
from workbench import Bench

from workers.reports.advice import advice_on, in_a_sentence
from workers.reports.gathering import gather
from workers.reports.page import report_page
from workers.reports.seats import SeatUse
from workers.reports.writing import span

Rushes = Callable[..., Result]


def test_a_person_reads_what_failed_why_and_what_comes_next(night: Bench, rushes: Rushes) -> None:
    told = rushes("report", "night")
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert lines[0].startswith("night: 2 of 4 takes done, 1 failed, 1 in doubt; cost ")
    for line in [
        "  good: 2 done of 2",
        "  1 input-moderation: The provider's moderation refused the prompt or an input. "
        "Asked again unchanged it would be refused again; it cost nothing.",
        "    Change the prompt or inputs of the shot refused in the manifest, and run it again",
        "  1 in doubt: see how it could be found at the provider, and decide: rushes doubts night",
        "  Bring the results here: rushes download night",
    ]:
        assert line in lines
    assert any(line.startswith("    refused/0001, attempt 1 at fal: ") for line in lines)
    assert any(line.startswith("    lost/0001: up to ") and " at fal: " in line for line in lines)


def test_a_program_gets_the_same_as_json(night: Bench, rushes: Rushes) -> None:
    told = json.loads(rushes("report", "night", "--json").stdout)
    assert told["states"] == {"done": 2, "failed": 1, "in doubt": 1}
    assert (told["total"], told["over"], told["provider"]) == (4, True, "fal")
    assert [(each["kind"], each["count"]) for each in told["failures"]] == [("input-moderation", 1)]
    assert [each["take"] for each in told["doubts"]] == ["lost/0001"]
    assert told["costs"]["total"]["attempts"] == 4
    assert told["budget"]["limit"] == 40_000_000
    assert told["began"] < told["ended"]
    [seats] = told["seats"]
    assert seats["seats"] == 2
    assert seats["most_taken"] == 2
    assert 0 < seats["utilisation"] <= 1
    assert {each["take"] for each in told["slowest"]} == {"good/0001-wheat", "good/0002-1-1"}


def test_the_page_stands_by_itself_and_lets_nothing_in(bench: Bench) -> None:
    prompt = "</td><script>alert(1)</script> [sandbox: drop]"
    bench.open(prompt, batch="night")
    bench.submit()
    report = gather(bench.context, "night")
    page = report_page(report)

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: set[str] = set()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.add(tag)
            assert not {name for name, _ in attrs} & {"src", "href", "onclick"}

    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.found
    assert {"table", "h1"} <= tags.found
    assert "default-src 'none'" in page


def test_html_and_json_exclude_each_other_and_out_writes_a_file(night: Bench, rushes: Rushes) -> None:
    assert rushes("report", "night", "--html", "--json").exit_code == 2
    assert rushes("report", "night", "--html", "--out", "night.html").output == ""
    assert "<h2>Failed</h2>" in Path("night.html").read_text()


def test_a_finished_batch_that_never_failed_is_told_without_advice(bench: Bench) -> None:
    bench.open(batch="night")
    report = gather(bench.context, "night")
    assert report.began is None
    assert report.costs.total.attempts == 0
    assert [each.command for each in report.next] == ["rushes watch night"]


@pytest.mark.parametrize("kind", ["transient", "output-moderation", "expired", "damaged", "auth", "quota", "rate"])
def test_advice_names_a_command_that_takes_the_class(kind: str) -> None:
    assert advice_on(kind, batch="night").command == f"rushes retry night --class {kind}"
    one = advice_on(kind, batch="night", take="s.2/0001-a", rehearsed=True)
    assert one.command == f"rushes retry night/s.2/0001-a --class {kind} --sandbox"


def test_what_is_not_known_is_shown_and_not_tried() -> None:
    assert advice_on("sunspots", batch="night", take="s/0001").command == "rushes show night/s/0001"
    assert "the shot s " in advice_on("invalid", batch="night", take="s.2/0001").then + " "


def test_a_long_answer_becomes_a_sentence() -> None:
    assert in_a_sentence("no\n  more") == "no more"
    assert len(in_a_sentence("x" * 10_000)) < 500


def test_seats_are_counted_over_overlaps() -> None:
    use = SeatUse.of("fal", [(0.0, 10.0), (5.0, 15.0), (15.0, 20.0), (9.0, 8.0)], 4)
    assert use is not None
    assert (use.seconds, use.busy, use.most) == (20.0, 25.0, 2)
    assert (use.average, use.used) == (1.25, 0.3125)
    assert SeatUse.of("fal", [], 4) is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.0, "0 s"), (3.25, "3.2 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (273_600, "3 d 4 h")],
)
def test_spans_are_told_as_people_say_them(seconds: float, told: str) -> None:
    assert span(seconds) == told
