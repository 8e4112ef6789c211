"""Manifests that name several providers: what they say, what stays of them, and what is planned."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.checks.several import capable, reach_of
from jobs.errors import ManifestError
from jobs.manifest import Manifest
from jobs.planning.budgeting import check_budget, takes_within_budget
from jobs.planning.plan import plan
from jobs.prices import Price
from jobs.reading.loading import load_text
from jobs.routing import cheapest_first, fastest_first
from jobs.takes import Asked
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from jobs.takes.strands import live_digests


def manifest(*shots: dict[str, Any], provider: Any = ("fal", "ark"), **fields: Any) -> Manifest:
    named = [{"name": f"s{at}", "prompt": "x", **shot} for at, shot in enumerate(shots or ({},))]
    return Manifest.model_validate(
        {"batch": "b", "provider": provider, "model": "seedance-2.0", "shots": named} | fields
    )


def problems(**fields: Any) -> str:
    written = {"batch": "b", "model": "seedance-2.0", "shots": [{"name": "s", "prompt": "x"}], **fields}
    with pytest.raises(ManifestError) as caught:
        load_text(json.dumps(written), "test.yaml")
    return str(caught.value)


class TestWriting:
    @pytest.mark.parametrize("written", [["fal", "ark"], "fal|ark", "fal, ark", ("fal", "ark")])
    def test_a_list_in_all_its_forms(self, written: Any) -> None:
        found = manifest(provider=written)
        assert found.providers == ("fal", "ark")
        assert Manifest.model_validate_json(found.model_dump_json()) == found

    @pytest.mark.parametrize("written", ["fal", ["fal"]])
    def test_a_list_of_one_is_that_one_in_its_frozen_form_too(self, written: Any) -> None:
        found = manifest(provider=written)
        assert json.loads(found.model_dump_json())["provider"] == "fal"
        assert found.digest() == manifest(provider="fal").digest()

    def test_the_order_and_the_route_are_terms_and_the_names_are_not(self) -> None:
        one, turned = manifest(), manifest(provider=["ark", "fal"], route="cheapest", moderation="carry")
        assert live_digests(one) == live_digests(turned)
        assert len(Lineage.of(one).grown(turned).manifests) == 1
        assert live_digests(one) != live_digests(manifest(provider="fal"))

    def test_a_take_is_the_same_whoever_renders_it(self) -> None:
        (one,), (alone,) = Expansion(manifest()), Expansion(manifest(provider="fal"))
        assert one.asked.identity() == alone.asked.identity()
        assert (one.provider, one.providers, one.at("ark").provider) == ("fal", ("fal", "ark"), "ark")


class TestWhoCan:
    def test_those_who_take_all_that_is_asked(self) -> None:
        asked = Asked(model="seedance-2.0", prompt="x", resolution="1080p", seed=3)
        assert capable(asked, ("fal", "ark")) == ("ark",)
        assert capable(asked.model_copy(update={"resolution": "720p"}), ("fal", "ark")) == ("fal", "ark")

    def test_a_manifest_is_taken_of_which_each_take_is(self) -> None:
        swept = {"name": "s", "prompt": "x", "sweep": {"resolution": ["720p", "1080p"], "seed": "1..3"}}
        written = {"batch": "b", "provider": ["fal", "ark"], "model": "seedance-2.0", "shots": [swept]}
        reach = reach_of(load_text(json.dumps(written), "test.yaml"), 0)
        assert {name: each.takes for name, each in reach.items()} == {"fal": 3, "ark": 6}

    def test_what_nobody_takes_is_told_of_each(self) -> None:
        told = problems(provider=["fal", "anyfast"], defaults={"resolution": "4k"})
        assert "fal" in told
        assert "anyfast" in told

    def test_a_model_that_nobody_has(self) -> None:
        assert "fal and ark have no model 'seedance-9'" in problems(provider=["fal", "ark"], model="seedance-9")

    def test_who_knows_no_such_name(self) -> None:
        assert "unknown provider 'fall'; did you mean 'fal'?" in problems(provider=["fall", "ark"])


class TestPlan:
    def test_it_says_who_comes_first_and_who_is_left_out(self) -> None:
        found = plan(manifest({"sweep": {"resolution": ["720p", "1080p"]}, "duration": 5}))
        lines = list(found.lines())
        assert lines[1] == "provider  fal or ark (fal first), seedance-2.0"
        assert any(line.strip().startswith("fal: 1 of 2 takes") for line in lines)
        assert any("not s0 (1 of its 2 takes): '1080p' is not a resolution that fal allows" in line for line in lines)
        told = found.to_json()
        assert [(each["name"], each["takes"]) for each in told["providers"]] == [("fal", 1), ("ark", 2)]

    def test_the_price_is_from_the_cheapest_to_the_dearest(self) -> None:
        priced = plan(manifest(provider=["fal", "cloudflare"], price="0.5 USD"))
        assert str(priced.price) == "0.500 USD"
        apart = plan(manifest({"resolution": "720p", "duration": 5}))  # USD and CNY
        assert apart.price.unknown == 1

    def test_one_provider_is_planned_as_ever(self) -> None:
        assert "providers" not in plan(manifest(provider="fal")).to_json()


class TestBudget:
    def test_every_provider_needs_a_price_in_its_currency(self) -> None:
        with pytest.raises(ManifestError) as caught:
            check_budget(manifest({"resolution": "720p", "duration": 5}, budget="40 USD"), own_prices=None)
        assert "at ark its takes are priced in CNY, and the budget is in USD; give  price: " in str(caught.value)

    def test_the_manifests_own_price_is_one_for_all(self) -> None:
        found = manifest({"sweep": {"seed": "1..10"}}, budget="2 USD", price="0.5 USD")
        check_budget(found, own_prices=None)
        assert takes_within_budget(found, own_prices=None) == 4


class TestRoutes:
    def test_cheapest_first_and_who_has_no_price_last(self) -> None:
        def price(amount: str, currency: Any = "USD") -> Price:
            return Price(amount, currency, basis="exact", source="x")  # type: ignore[arg-type]

        assert cheapest_first({"a": None, "b": price("2"), "c": price("1")}) == ("c", "b", "a")
        assert cheapest_first({"a": price("2"), "b": price("2")}) == ("a", "b")
        assert cheapest_first({"a": price("2"), "b": price("1", "CNY")}) == ("a", "b")

    def test_fastest_first(self) -> None:
        assert fastest_first({"a": 60.0, "b": 30.0, "c": 60.0}) == ("b", "a", "c")
