"""Whether a budget can be kept, and what the plan says of it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import ManifestError
from jobs.fields.amounts import micros
from jobs.manifest import Manifest
from jobs.planning.budgeting import check_budget, takes_within_budget
from jobs.planning.plan import plan
from jobs.prices import highest_price, price_of
from jobs.prices.own import parse_prices
from jobs.takes.expansion import Expansion


def manifest(*shots: dict[str, Any], provider: str = "fal", **fields: Any) -> Manifest:
    named = [{"name": f"s{at}", "prompt": "x", **shot} for at, shot in enumerate(shots)]
    return Manifest.model_validate(
        {"batch": "b", "provider": provider, "model": "seedance-2.0-fast", "shots": named} | fields
    )


def refused(found: Manifest) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        check_budget(found, own_prices=None)
    return [f"{problem.place}: {problem.message}" for problem in caught.value.problems]


FAL = {"resolution": "720p", "duration": 5}
"""1.2095 USD a take."""

OWN = "provider: cloudflare\ncurrency: USD\nrates: [{per_take: 0.5, basis: exact}]"


class TestTheHighestPrice:
    def test_the_manifests_own_goes_before_the_tables(self) -> None:
        given, tabled = Expansion(manifest(FAL | {"price": "0.35 USD"}, FAL))
        price = highest_price(given, own=None)
        assert price is not None
        assert (price.amount, price.currency, price.basis, price.source) == (
            Decimal("0.35"),
            "USD",
            "exact",
            "the manifest",
        )
        assert highest_price(tabled, own=None) == price_of(tabled.asked, "fal")

    def test_the_users_own_table_and_what_is_unknown(self) -> None:
        [take] = Expansion(manifest({}, provider="cloudflare"))
        assert highest_price(take, own=None) is None
        price = highest_price(take, own=parse_prices(OWN, "prices.yaml"))
        assert price is not None
        assert price.amount == Decimal("0.5")


class TestWhetherItCanBeKept:
    def test_without_a_budget_nothing_needs_a_price(self) -> None:
        check_budget(manifest({}, provider="cloudflare"), own_prices=None)

    def test_known_prices_do(self) -> None:
        check_budget(manifest(FAL, {}, budget="4 USD"), own_prices=None)
        check_budget(manifest({}, provider="cloudflare", budget="4 USD"), own_prices=parse_prices(OWN, "prices.yaml"))
        check_budget(manifest({}, provider="cloudflare", budget="4 USD", price="0 USD"), own_prices=None)

    def test_each_shot_without_a_price_is_named_and_what_to_do(self) -> None:
        found = manifest(
            {"sweep": {"seed": "1..1000000000"}},
            {"price": "1 USD"},
            {"price": "1 CNY"},
            provider="cloudflare",
            budget="4 USD",
        )
        assert refused(found) == [
            "shots[0]: its takes have no known price, and without one a budget can't be kept; "
            "give  price: 0.35 USD  or take the budget away",
            "shots[2]: its takes are priced in CNY, and the budget is in USD; "
            "give  price: 0.35 USD  or take the budget away",
        ]

    def test_some_takes_without_a_price_are_counted(self) -> None:
        model = {"model": ["seedance-2.0", "seedance-2.0-fast"], "seed": "1..3"}
        found = manifest({"duration": 4, "sweep": model}, provider="apiframe", budget="9 credits")
        [said] = refused(found)
        assert said.startswith("shots[0]: 3 of its 6 takes have no known price")
        assert "give  price: 35 credits  or" in said

    def test_a_budget_in_another_currency_than_the_prices(self) -> None:
        with pytest.raises(ManifestError, match=r"^night\.yaml: 1 problem\n  shots\[0\]: its takes are priced in USD"):
            check_budget(manifest(FAL, budget="4 CNY"), own_prices=None, source="night.yaml")

    def test_a_plan_is_refused_too(self) -> None:
        with pytest.raises(ManifestError, match="no known price"):
            plan(manifest({}, provider="cloudflare", budget="4 USD"))


class TestHowFarItGoes:
    @pytest.mark.parametrize(
        ("budget", "told"),
        [
            ("40 USD", "40 USD: enough for all 12 takes"),
            ("12.095 USD", "12.095 USD: enough for all 12 takes"),
            ("12.094999 USD", "12.094999 USD: enough for at least 9 of 12 takes"),
            ("1.22 USD", "1.22 USD: enough for at least 1 of 12 takes"),
            ("1.20 USD", "1.2 USD: less than one take may cost"),
            (
                {"limit": "40 USD", "stop": "10%", "cancel": "44 USD"},
                "40 USD, stops at 4 USD, cancels at 44 USD: enough for at least 3 of 12 takes",
            ),
        ],
    )
    def test_as_the_plan_tells_it(self, budget: object, told: str) -> None:
        free = {"price": "0 USD", "sweep": {"seed": "1..2"}}
        found = plan(manifest(FAL | {"sweep": {"seed": "1..10"}}, free, budget=budget))
        assert f"budget    {told}" in list(found.lines())

    def test_the_other_limits_are_told_where_they_are_given(self) -> None:
        found = plan(manifest(FAL, budget="2 USD", max_failures=3, deadline="07:00"))
        assert list(found.lines())[4:9] == [
            "price     1.21 USD",
            "budget    2 USD: enough for the one take",
            "failures  stops after 3",
            "deadline  07:00",
            "",
        ]

    def test_as_json(self) -> None:
        found = plan(manifest(FAL, budget={"limit": "40 USD", "stop": "1%"}, max_failures=3, deadline="8h")).to_json()
        assert json.loads(json.dumps(found)) == found
        assert found["budget"] == {"currency": "USD", "limit": "40", "stop": "0.4", "cancel": "40", "enough_for": 0}
        assert (found["max_failures"], found["deadline"]) == (3, "8h")
        without = plan(manifest(FAL)).to_json()
        assert [without[name] for name in ("budget", "max_failures", "deadline")] == [None, None, None]

    def test_of_a_thousand_million_takes_at_once(self) -> None:
        many = manifest({"price": "0.25 USD", "sweep": {"seed": "1..1000000000"}}, budget="1000 USD")
        assert takes_within_budget(many, own_prices=None) == 4000

    @given(
        st.lists(
            st.tuples(st.sampled_from([4, 5, "auto"]), st.sampled_from([None, "0.1 USD", "2 USD"]), st.integers(1, 4)),
            min_size=1,
            max_size=4,
        ),
        st.integers(0, 30),
    )
    def test_it_is_enough_in_whatever_order_they_come(
        self, shots: list[tuple[object, str | None, int]], budget: int
    ) -> None:
        found = manifest(
            *({"duration": each, "price": price, "sweep": {"seed": f"1..{count}"}} for each, price, count in shots),
            budget=f"{budget} USD",
        )
        prices = [highest_price(take, own=None) for take in Expansion(found)]
        costs = sorted((micros(price.amount) for price in prices if price is not None), reverse=True)
        within = takes_within_budget(found, own_prices=None)
        assert within is not None
        assert sum(costs[:within]) <= budget * 10**6
        assert within == len(costs) or sum(costs[: within + 1]) > budget * 10**6
