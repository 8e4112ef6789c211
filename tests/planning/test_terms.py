"""What a person sets beside the takes: money, deadlines, priorities, and what is done with doubts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import ManifestError
from jobs.fields.amounts import micros, read_amount
from jobs.fields.terms import Amount, Budget, Currency, Deadline, read_budget
from jobs.manifest import Defaults, Manifest, Shot
from jobs.reading.loading import load_text
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from jobs.takes.spans import Span

HEAD = "batch: b\nprovider: fal\nmodel: seedance-2.0-fast\n"
SHOTS = "shots: [{name: a, prompt: x}]\n"
BERLIN = ZoneInfo("Europe/Berlin")
AN_HOUR_AHEAD = timezone(timedelta(hours=1))


def usd(number: str | int) -> Amount:
    return Amount(Decimal(number), "USD")


def problems(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load_text(text, "test.yaml")
    return [f"{problem.place}: {problem.message}" for problem in caught.value.problems]


class TestAmounts:
    @pytest.mark.parametrize(
        ("written", "number", "currency", "again"),
        [
            ("40 USD", 40_000_000, "USD", "40 USD"),
            ("40usd", 40_000_000, "USD", "40 USD"),
            (" $40 ", 40_000_000, "USD", "40 USD"),
            ("$0.350 usd", 350_000, "USD", "0.35 USD"),
            ("1200 Credits", 1_200_000_000, "credits", "1200 credits"),
            ("1 credit", 1_000_000, "credits", "1 credits"),
            ("300.00 cny", 300_000_000, "CNY", "300 CNY"),
            ("0 USD", 0, "USD", "0 USD"),
            ("0.000001 USD", 1, "USD", "0.000001 USD"),
            ("1000000000 USD", 10**15, "USD", "1000000000 USD"),
        ],
    )
    def test_as_they_are_written(self, written: str, number: int, currency: str, again: str) -> None:
        amount = read_amount(written)
        assert (amount.micros(), amount.currency, str(amount)) == (number, currency, again)

    @pytest.mark.parametrize(
        ("written", "message"),
        [
            (40, "40 names no currency; write 40 USD, or CNY or credits"),
            (0.5, "0.5 names no currency; write 0.5 USD"),
            ("40", "'40' names no currency; write 40 USD"),
            (-1, "-1 is not an amount of money; write it as 40 USD"),
            (True, "true is not an amount of money"),
            ("-1 USD", "'-1 USD' is not an amount of money"),
            ("1,200 credits", "'1,200 credits' is not an amount of money"),
            ("USD 40", "'USD 40' is not an amount of money"),
            ("nan USD", "'nan USD' is not an amount of money"),
            ("٤ USD", "'٤ USD' is not an amount of money"),
            (["40 USD"], "['40 USD'] is not an amount of money"),
            ("40 EUR", "'EUR' is not a currency that is known here; known are USD, CNY or credits"),
            ("40 credts", "'credts' is not a currency that is known here; did you mean credits?"),
            ("0.0000001 USD", "'0.0000001 USD' has more than six decimals"),
            ("1000000000.01 USD", "'1000000000.01 USD' is more than 1,000,000,000"),
        ],
    )
    def test_what_is_none(self, written: object, message: str) -> None:
        with pytest.raises(ValueError) as caught:
            read_amount(written)
        assert str(caught.value).startswith(message)

    @given(st.decimals(min_value=0, max_value=10**9, places=6), st.sampled_from(["USD", "credits", "CNY"]))
    def test_what_is_written_is_read(self, number: Decimal, currency: Currency) -> None:
        amount = Amount(number, currency)
        assert read_amount(str(amount)) == amount
        assert Decimal(amount.micros()) == number * 10**6

    @given(st.decimals(min_value=0, max_value=10**6, places=9))
    def test_micros_are_never_too_few(self, number: Decimal) -> None:
        assert Decimal(micros(number) - 1) < number * 10**6 <= Decimal(micros(number))


class TestBudgets:
    @pytest.mark.parametrize(
        ("written", "limit", "stop", "cancel"),
        [
            ("40 USD", 40, 40, 40),
            ("$40", 40, 40, 40),
            ({"limit": "40 USD"}, 40, 40, 40),
            ({"limit": "40 USD", "stop": "90%", "cancel": "44 USD"}, 40, 36, 44),
            ({"limit": "40 USD", "stop": "100 %", "cancel": "110%"}, 40, 40, 44),
            ({"limit": "1 USD", "stop": "33.3333%"}, 1, "0.333333", 1),
            ({"limit": "0.000001 USD", "stop": "50%"}, "0.000001", 0, "0.000001"),
            ({"limit": "40 USD", "stop": "30 usd", "cancel": "30 USD"}, 40, 30, 30),
        ],
    )
    def test_as_they_are_written(self, written: object, limit: str | int, stop: str | int, cancel: str | int) -> None:
        found = read_budget(written)
        assert found == Budget(usd(limit), usd(stop), usd(cancel))
        assert read_budget(found.written()) == found
        assert found.currency == "USD"

    def test_how_one_is_told(self) -> None:
        assert str(read_budget("40 USD")) == "40 USD"
        told = str(read_budget({"limit": "40 USD", "stop": "90%", "cancel": "44 USD"}))
        assert told == "40 USD, stops at 36 USD, cancels at 44 USD"

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("40", ["budget: 40 names no currency; write 40 USD"]),
            ("40 EUR", ["budget: 'EUR' is not a currency"]),
            ("{stop: 90%}", ["budget.limit: missing: a budget in parts needs its limit"]),
            ("{limt: 40 USD}", ["budget.limt: unknown key 'limt'; did you mean 'limit'?"]),
            ("{limit: 40 USD, zz: 1}", ["budget.zz: unknown key 'zz'; known here: limit, stop, cancel"]),
            ("{limit: 40, stop: 90%}", ["budget.limit: 40 names no currency"]),
            (
                "{limit: 40 USD, stop: 0.9}",
                ["budget.stop: 0.9 names no currency; write 0.9 USD, or CNY or credits; or"],
            ),
            ("{limit: 40 USD, stop: 101%}", ["budget.stop: 40.4 USD is above the limit of 40 USD"]),
            ("{limit: 40 USD, cancel: 30 USD}", ["budget.cancel: 30 USD is less than 40 USD, where submitting stops"]),
            ("{limit: 40 USD, stop: 40 CNY}", ["budget.stop: 40 CNY is in another currency than the limit of 40 USD"]),
            ("{limit: 40 USD, stop: x, cancel: y}", ["budget.cancel: 'y' is not an amount", "budget.stop: 'x' is not"]),
        ],
    )
    def test_each_mistake_is_one_problem_with_its_place(self, written: str, expected: list[str]) -> None:
        found = sorted(problems(f"{HEAD}budget: {written}\n{SHOTS}"))
        assert len(found) == len(expected), found
        for said, start in zip(found, expected, strict=True):
            assert said.startswith(start), found


class TestDeadlines:
    NOW = datetime(2026, 11, 21, 22, 30, 5, tzinfo=BERLIN)

    @pytest.mark.parametrize(
        ("written", "moment"),
        [
            ("2026-11-22T07:00+01:00", "2026-11-22T06:00+00:00"),
            ("2026-11-22t07:00:30z", "2026-11-22T07:00:30+00:00"),
            ("2026-11-22 07:00 -0530", "2026-11-22T12:30+00:00"),
            ("2026-11-22 07:00", "2026-11-22T06:00+00:00"),
            ("2026-07-22T07:00", "2026-07-22T05:00+00:00"),
            ("07:00", "2026-11-22T06:00+00:00"),
            ("7:00", "2026-11-22T06:00+00:00"),
            ("22:30", "2026-11-22T21:30+00:00"),
            ("22:31", "2026-11-21T21:31+00:00"),
            ("8h", "2026-11-22T05:30:05+00:00"),
            ("90m", "2026-11-21T23:00:05+00:00"),
            ("1 h 30 min", "2026-11-21T23:00:05+00:00"),
        ],
    )
    def test_the_moment_that_is_meant(self, written: str, moment: str) -> None:
        at = Deadline(written).at(self.NOW)
        assert at == datetime.fromisoformat(moment)
        assert at.tzinfo is BERLIN

    @pytest.mark.parametrize(
        ("now", "written", "moment"),
        [
            # In the night to the 25th the clocks of Berlin show the hour from 2 to 3 twice.
            (datetime(2026, 10, 24, 22, 0, tzinfo=BERLIN), "8h", "2026-10-25T04:00+00:00"),
            (datetime(2026, 10, 24, 22, 0, tzinfo=BERLIN), "07:00", "2026-10-25T06:00+00:00"),
            (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), "02:40", "2026-10-26T01:40+00:00"),
            (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), "02:40", "2026-10-25T00:40+00:00"),
            (datetime(2026, 11, 21, 22, 0, tzinfo=AN_HOUR_AHEAD), "07:00", "2026-11-22T06:00+00:00"),
        ],
    )
    def test_clocks_that_are_put_back(self, now: datetime, written: str, moment: str) -> None:
        assert Deadline(written).at(now).astimezone(UTC) == datetime.fromisoformat(moment)

    @given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(BERLIN)), st.times())
    def test_the_next_time_of_day_is_within_a_day(self, now: datetime, clock: Any) -> None:
        at = Deadline(f"{clock:%H:%M}").at(now).astimezone(UTC)
        # A day on which clocks are put back has 25 hours.
        assert timedelta(0) < at - now.astimezone(UTC) <= timedelta(hours=25)

    @pytest.mark.parametrize(
        ("written", "message"),
        [
            ("8", "deadline: 8 is not a deadline; write 8h, 90m, 07:00"),
            ("tomorrow", "deadline: 'tomorrow' is not a deadline; write 8h"),
            ("0h", "deadline: '0h' is not a deadline"),
            ("25:00", "deadline: '25:00' is no time of day: hour must be in 0..23"),
            ("2026-11-22", "deadline: '2026-11-22' names no time of that day; write 2026-11-22 07:00"),
            ("2026-02-30 07:00", "deadline: '2026-02-30 07:00' is no moment that there is: day is out of range"),
            ("9999-12-31T23:59-12:00", "deadline: '9999-12-31T23:59-12:00' is out of range; give a year from 2000"),
        ],
    )
    def test_what_is_none(self, written: str, message: str) -> None:
        [found] = problems(f"{HEAD}deadline: {written}\n{SHOTS}")
        assert found.startswith(message), found

    def test_now_has_a_time_zone(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            Deadline("8h").at(datetime(2026, 11, 21))


class TestInAManifest:
    WHOLE = f"""\
{HEAD}price: $1
budget: {{limit: 40 USD, stop: 90%}}
max_failures: 3
deadline: 2026-11-22 07:00
on_doubt: resubmit
reuse: true
defaults: {{priority: 2}}
shots:
  - {{name: a, prompt: x}}
  - {{name: b, prompt: x, priority: -1, price: 0.35 USD}}
  - {{name: c, prompt: x, priority: 0}}
  - {{name: d, prompt: x, priority: 0}}
"""

    def test_all_of_it_at_once(self) -> None:
        found = load_text(self.WHOLE, "test.yaml")
        assert found.budget == Budget(usd(40), usd(36), usd(40))
        assert (found.max_failures, found.on_doubt, found.reuse) == (3, "resubmit", True)
        assert found.deadline == Deadline("2026-11-22 07:00")
        expansion = Expansion(found)
        assert [(take.price, take.priority) for take in expansion] == [
            (usd(1), 2),
            (usd("0.35"), -1),
            (usd(1), 0),
            (usd(1), 0),
        ]
        assert expansion.live == (Span(0, 1, 2), Span(1, 2, -1), Span(2, 4, 0))

    def test_the_frozen_form_comes_back_unchanged(self) -> None:
        found = load_text(self.WHOLE, "test.yaml")
        for again in (
            Manifest.model_validate_json(found.model_dump_json()),
            Manifest.model_validate(found.model_dump(mode="json")),
            Lineage.from_json(Lineage.of(found).to_json()).current,
        ):
            assert again == found
            assert again.model_dump_json() == found.model_dump_json()
            assert again.digest() == found.digest()
            assert list(Expansion(again)) == list(Expansion(found))

    @pytest.mark.parametrize(
        "fields",
        [
            {"price": "0.35 USD"},
            {"budget": "40 USD"},
            {"max_failures": 1},
            {"deadline": "8h"},
            {"not_before": "22:00"},
            {"window": "22:00-06:00"},
            {"weight": 3},
            {"on_doubt": "resubmit"},
            {"reuse": True},
            {"defaults": {"price": "0.35 USD"}},
            {"defaults": {"priority": 1}},
            {"shots": [Shot(name="a", prompt="x", priority=1)]},
            {"shots": [Shot.model_validate({"name": "a", "prompt": "x", "price": "0.35 USD"})]},
        ],
        ids=str,
    )
    def test_terms_make_another_manifest_and_the_same_takes(self, fields: dict[str, object]) -> None:
        before = Manifest(batch="b", provider="fal", model="m", shots=(Shot(name="a", prompt="x"),))
        after = Manifest.model_validate({"batch": "b", "provider": "fal", "model": "m", "shots": before.shots} | fields)
        assert after.digest() != before.digest()
        assert Lineage.of(before).grown(after) == Lineage.of(after)
        assert Expansion(after)[0].asked == Expansion(before)[0].asked

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("max_failures: 0", "max_failures: 0 is out of range; give 1 (stop at the first failure) or more"),
            ("max_failures: '3'", "max_failures: '3' is text; write 3 without quotes"),
            ("max_failure: 3", "max_failure: unknown key 'max_failure'; did you mean 'max_failures'?"),
            ("on_doubt: ask", "on_doubt: 'ask' is neither hold (a person decides) nor resubmit"),
            ("reuse: yes", "reuse: 'yes' is not a yes or no"),
            ("bugdet: 4 USD", "bugdet: unknown key 'bugdet'; did you mean 'budget'?"),
            ("dedline: 8h", "dedline: unknown key 'dedline'; did you mean 'deadline'?"),
            ("price: 1", "price: 1 names no currency"),
            ("weight: 0", "weight: 0 is out of range; give 1 to 100"),
            ("window: 22:00", "window: '22:00' is not a window; write 22:00-06:00"),
            ("window: 22:00-22:00", "window: '22:00-22:00' has no length"),
            ("window: 22:00-26:00", "window: '22:00-26:00' names no time of day: hour must be in 0..23"),
            ("not_before: soon", "not_before: 'soon' is not a moment"),
            ("priority: 1", "priority: 'priority' belongs in a shot, or under defaults"),
            ("defaults: {priority: 1001}", "defaults.priority: 1001 is out of range; give -1000 (last) to 1000"),
            ("defaults: {budget: 4 USD}", "defaults.budget: 'budget' belongs at the top of the manifest"),
            ("defaults: {pric: 4 USD}", "defaults.pric: unknown key 'pric'; did you mean 'price'?"),
        ],
    )
    def test_each_mistake_is_one_problem_with_its_place(self, text: str, expected: str) -> None:
        [found] = problems(f"{HEAD}{text}\n{SHOTS}")
        assert found.startswith(expected), found

    def test_a_price_is_no_axis_and_may_be_a_variable(self) -> None:
        text = f"{HEAD}shots: [{{name: a, prompt: x, sweep: {{price: [1 USD], priority: [1]}}}}]\n"
        assert problems(text) == [
            "shots[0].sweep.price: price can't be swept; set it for the shot",
            "shots[0].sweep.priority: priority can't be swept; set it for the shot",
        ]
        text = f"{HEAD}shots: [{{name: a, prompt: 'for {{price}}', sweep: {{price: [a song]}}}}]\n"
        assert load_text(text, "test.yaml").shots[0].sweep == {"price": ("a song",)}

    def test_built_by_hand(self) -> None:
        shot = Shot(name="a", prompt="x", price=usd(1))
        built = Manifest(
            batch="b",
            provider="fal",
            model="m",
            budget=Budget(usd(4), usd(3), usd(5)),
            deadline=Deadline("8h"),
            defaults=Defaults(priority=3),
            shots=(shot,),
        )
        assert Manifest.model_validate_json(built.model_dump_json()) == built
