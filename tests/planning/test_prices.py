"""Prices: of one take, of many, and by the user's own table."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.capabilities import capabilities, known_providers
from jobs.errors import PricesError
from jobs.manifest import Manifest, Shot
from jobs.planning.plan import plan
from jobs.prices import PriceTable, price_of, price_range, price_table
from jobs.prices.own import parse_prices, read_prices
from jobs.prices.pixels import SIZES, pixels
from jobs.takes import Asked
from jobs.takes.expansion import Expansion

FAST = "seedance-2.0-fast"
VIDEO = ("https://example.com/a.mp4",)
IMAGE = ("https://example.com/a.png",)

OWN = """\
provider: cloudflare
currency: USD
source: our dashboard
read: 2026-12-01
rates:
  - {model: seedance-2.0-fast, resolutions: [720p], per_second: 0.25, basis: exact}
  - {model: seedance-2.0-fast, per_take: 1, basis: estimate}
"""


@pytest.mark.parametrize(
    ("provider", "fields", "amount", "currency", "basis"),
    [
        # Apiframe's own examples: 2 x 5 = 10 credits, and 4 x 15 = 60 credits.
        ("apiframe", {"model": FAST, "duration": 5, "resolution": "720p"}, "10", "credits", "exact"),
        (
            "apiframe",
            {"model": FAST, "duration": 15, "resolution": "720p", "reference_videos": VIDEO},
            "60",
            "credits",
            "exact",
        ),
        ("apiframe", {"model": FAST, "duration": 5, "resolution": "480p"}, "5", "credits", "exact"),
        ("apiframe", {"model": FAST, "reference_images": IMAGE}, "16", "credits", "exact"),
        ("fal", {"model": "seedance-2.0", "duration": 5, "resolution": "720p"}, "1.517", "USD", "exact"),
        ("fal", {"model": FAST, "duration": 5, "resolution": "720p"}, "1.2095", "USD", "exact"),
        ("fal", {"model": FAST, "duration": 5}, "1.2095", "USD", "exact"),
        ("fal", {"model": FAST, "duration": "auto"}, "3.6285", "USD", "exact"),
        ("fal", {"model": FAST}, "3.6285", "USD", "exact"),
        ("fal", {"model": FAST, "duration": 5, "reference_videos": VIDEO}, "0.7257", "USD", "estimate"),
        ("fal", {"model": FAST, "duration": 5, "reference_images": IMAGE}, "1.2095", "USD", "exact"),
        # 864 x 496 x (24 x 5 + 1) / 1024 = 50638.5 tokens, at 0.014 for a thousand.
        (
            "fal",
            {"model": "seedance-2.0", "duration": 5, "resolution": "480p", "aspect_ratio": "16:9"},
            "0.708939",
            "USD",
            "estimate",
        ),
        # 1280 x 720 x (24 x 5 + 1) / 1024 = 108900 tokens, as Ark's own sample has it, at 46 for a million.
        ("ark", {"model": "seedance-2.0", "duration": 5, "aspect_ratio": "16:9"}, "5.0094", "CNY", "estimate"),
        ("ark", {"model": FAST, "duration": 5, "aspect_ratio": "16:9"}, "4.0293", "CNY", "estimate"),
        (
            "ark",
            {"model": "seedance-2.0", "duration": 5, "resolution": "1080p", "aspect_ratio": "16:9"},
            "12.496275",
            "CNY",
            "estimate",
        ),
        # The 15 seconds that reference videos may have are paid for too.
        (
            "ark",
            {"model": "seedance-2.0", "duration": 5, "aspect_ratio": "16:9", "reference_videos": VIDEO},
            "19.9134",
            "CNY",
            "estimate",
        ),
        # Of the sizes that 720p has, 1112 x 834 is the largest.
        ("ark", {"model": "seedance-2.0", "duration": "auto"}, "15.03958715625", "CNY", "estimate"),
    ],
)
def test_the_most_that_a_take_can_cost(
    provider: str, fields: dict[str, object], amount: str, currency: str, basis: str
) -> None:
    price = price_of(Asked.model_validate({"prompt": "x", **fields}), provider)
    assert price is not None
    assert (price.amount, price.currency, price.basis) == (Decimal(amount), currency, basis)
    assert "2026" in price.source


@pytest.mark.parametrize(
    ("provider", "fields"),
    [
        ("cloudflare", {"model": FAST, "duration": 5}),
        ("anyfast", {"model": FAST, "duration": 5}),
        ("apiframe", {"model": "seedance-2.0", "duration": 5}),
        ("fal", {"model": "sora", "duration": 5}),
        ("ark", {"model": FAST, "duration": 5, "aspect_ratio": "2:1"}),
        ("ark", {"model": FAST, "duration": 5, "resolution": "8k"}),
    ],
)
def test_what_is_not_known_is_none_and_not_zero(provider: str, fields: dict[str, object]) -> None:
    assert price_of(Asked.model_validate({"prompt": "x", **fields}), provider) is None


def test_the_least_and_the_most_differ_by_what_the_provider_chooses() -> None:
    found = price_range(Asked(model=FAST, prompt="x"), "fal")
    assert found is not None
    assert (found[0].amount, found[1].amount) == (Decimal("0.9676"), Decimal("3.6285"))


@pytest.mark.parametrize("provider", known_providers())
def test_every_provider_has_a_dated_table_of_models_that_it_has(provider: str) -> None:
    table = price_table(provider)
    assert table.provider == provider
    assert table.read is not None
    assert table.source
    models = capabilities(provider).models
    assert {rate.model for rate in table.rates} <= set(models)


def test_there_is_no_table_of_an_unknown_provider() -> None:
    for name in ("sora", "../fal", "table"):
        with pytest.raises(KeyError):
            price_table(name)


def test_sizes_are_those_of_their_names() -> None:
    for resolution, sizes in SIZES.items():
        for ratio, (width, height) in sizes.items():
            across, down = map(int, ratio.split(":"))
            assert abs(width / height - across / down) < 0.06 * across / down, (resolution, ratio)
    assert pixels("4k", "16:9") == (3840 * 2160, 3840 * 2160)
    assert pixels("1080p", "16:9") == (1920 * 1080, 1920 * 1080)


def test_the_users_own_price_is_the_price() -> None:
    own = parse_prices(OWN, "prices.yaml")
    at_720p = price_of(Asked(model=FAST, prompt="x", duration=12), "cloudflare", own=own)
    assert at_720p is not None
    assert (at_720p.amount, at_720p.basis, at_720p.source) == (Decimal(3), "exact", "our dashboard (2026-12-01)")
    at_480p = price_of(Asked(model=FAST, prompt="x", duration=12, resolution="480p"), "cloudflare", own=own)
    assert at_480p is not None
    assert (at_480p.amount, at_480p.basis) == (Decimal(1), "estimate")
    assert price_of(Asked(model="seedance-2.0", prompt="x"), "cloudflare", own=own) is None


def test_the_users_own_table_goes_on_top_and_not_in_place() -> None:
    own = parse_prices(
        "provider: fal\ncurrency: USD\nrates: [{resolutions: [480p], per_second: 0.1, basis: exact}]", "prices.yaml"
    )
    cheap = price_of(Asked(model=FAST, prompt="x", duration=5, resolution="480p"), "fal", own=own)
    built_in = price_of(Asked(model=FAST, prompt="x", duration=5, resolution="720p"), "fal", own=own)
    assert cheap is not None
    assert built_in is not None
    assert (cheap.amount, built_in.amount) == (Decimal("0.5"), Decimal("1.2095"))
    elsewhere = price_of(Asked(model=FAST, prompt="x", duration=5, resolution="480p"), "apiframe", own=own)
    assert elsewhere is not None
    assert elsewhere.currency == "credits"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["line 1: provider: missing: whose prices these are", "line 1: currency: missing: USD, CNY or credits"]),
        ("- a", ["a table of prices is a mapping"]),
        ("a: b: c", ["line 1: not YAML"]),
        (OWN.replace("cloudflare", "cloudflair"), ["line 1: provider: unknown provider 'cloudflair'; did you mean"]),
        (OWN.replace("USD", "EUR"), ["line 2: currency: 'EUR' is not 'USD', 'credits' or 'CNY'"]),
        (OWN.replace("rates:", "rate:"), ["line 5: rate: unknown key 'rate'; did you mean 'rates'?"]),
        (
            OWN.replace("per_second", "per_sec"),
            ["line 6: rates[0].per_sec: unknown key 'per_sec'; did you mean 'per_second'?"],
        ),
        (OWN.replace("0.25", "free"), ["line 6: rates[0].per_second: 'free' is not a number"]),
        (OWN.replace("0.25", "-1"), ["line 6: rates[0].per_second: -1 is not a price"]),
        (OWN.replace("0.25", ".nan"), ["line 6: rates[0].per_second: nan is not a price"]),
        (
            OWN.replace("per_take: 1", "per_take: 1, per_second: 2"),
            ["line 7: rates[1]: give one of per_second, per_million_tokens and per_take"],
        ),
        (OWN.replace(", basis: exact", ""), ["line 6: rates[0].basis: missing: exact, or estimate where you worked"]),
        (
            OWN.replace("-fast, per", "-fats, per"),
            ["line 7: rates[1].model: cloudflare has no model 'seedance-2.0-fats'; did you mean 'seedance-2.0-fast'?"],
        ),
        (
            OWN.replace("720p", "1080p"),
            ["line 6: rates[0].resolutions[0]: '1080p' is not a resolution of its: 480p or 720p"],
        ),
        (OWN.replace("2026-12-01", "yesterday"), ["line 4: read: 'yesterday' is not a date; write it as 2026-12-01"]),
    ],
)
def test_each_mistake_in_a_table_is_told_with_its_place(text: str, expected: list[str]) -> None:
    with pytest.raises(PricesError) as caught:
        parse_prices(text, "prices.yaml")
    found = [str(problem) for problem in caught.value.problems]
    assert len(found) == len(expected), found
    for said, start in zip(found, expected, strict=True):
        assert said.startswith(start), found


def test_a_table_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(OWN)
    assert read_prices(path) == parse_prices(OWN, "x")
    with pytest.raises(PricesError, match="there is no such file"):
        read_prices(tmp_path / "none.yaml")


def manifest(provider: str, *shots: dict[str, object]) -> Manifest:
    made = tuple(Shot.model_validate({"name": f"s{at}", "prompt": "x", **shot}) for at, shot in enumerate(shots))
    return Manifest(batch="b", provider=provider, model=FAST, shots=made)


@pytest.mark.parametrize(
    "asked",
    [
        manifest("fal", {"sweep": {"duration": "4..15", "resolution": ["480p", "720p"], "seed": "1..3"}}),
        manifest("fal", {"sweep": {"model": [FAST, "seedance-2.0"], "duration": ["auto", 5]}}, {"duration": 7}),
        manifest("ark", {"sweep": {"aspect_ratio": ["auto", "16:9", "9:16"], "watermark": [True, False]}}),
        manifest("apiframe", {"sweep": {"model": [FAST, "seedance-2.0"], "seed": "1..5"}}, {"reference_videos": VIDEO}),
        manifest(
            "apiframe", {"sweep": {"reference_videos": [*VIDEO, "https://example.com/b.mp4"], "duration": [4, 5]}}
        ),
        manifest("cloudflare", {"duration": 4}),
    ],
)
def test_a_plan_sums_what_its_takes_cost(asked: Manifest) -> None:
    price = plan(asked).price
    each = [price_range(take.asked, asked.provider) for take in Expansion(asked)]
    known = [one for one in each if one is not None]
    assert price.unknown == len(each) - len(known)
    assert {most.currency for _, most in known} == set(price.by_currency)
    for currency, total in price.by_currency.items():
        assert total.least == sum(least.amount for least, _ in known)
        assert total.most == sum(most.amount for _, most in known)
        assert (total.basis == "exact") == all(most.basis == "exact" for _, most in known), currency


def test_a_thousand_million_takes_are_summed_without_laying_them_out() -> None:
    price = plan(manifest("apiframe", {"duration": 5, "sweep": {"seed": "1..1000000000"}})).price
    assert str(price) == "10,000,000,000 credits"


def test_a_plan_says_what_is_known_and_what_is_not() -> None:
    mixed = plan(manifest("apiframe", {"sweep": {"model": [FAST, "seedance-2.0"]}}, {"duration": 4}))
    assert "price     24 credits, unknown for 1 take" in list(mixed.lines())
    assert mixed.to_json()["price"] == {
        "by_currency": {"credits": {"least": "24", "most": "24", "basis": "exact"}},
        "unknown_takes": 1,
    }
    assert json.dumps(mixed.to_json())
    ranged = plan(manifest("fal", {}))
    assert "price     0.968 to 3.63 USD" in list(ranged.lines())


def test_a_plan_goes_by_the_users_own_prices() -> None:
    own = PriceTable.model_validate(
        {"provider": "cloudflare", "currency": "USD", "rates": [{"per_second": 0.2, "basis": "estimate"}]}
    )
    asked = manifest("cloudflare", {"duration": 5})
    assert str(plan(asked).price) == "unknown for 1 take"
    assert str(plan(asked, own_prices=own).price) == "1 USD (estimated)"
