"""What attempts have cost together."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from account_books import BATCH, Books

from workers.accounts import CostLine, CostReport, Sums, attempt_costs
from workers.accounts.report import exact, money
from workers.store.folder import FolderStore


@pytest.fixture
def report(tmp_path: Path) -> CostReport:
    store = FolderStore(tmp_path)
    Books(store).everything()
    return CostReport.of(BATCH, attempt_costs(store, BATCH))


def told(lines: tuple[CostLine, ...]) -> list[tuple[object, ...]]:
    return [
        (line.name, line.takes, line.attempts, str(line.estimated), str(line.actual), str(line.at_most))
        for line in lines
    ]


def test_the_total_keeps_currencies_apart_and_counts_what_is_unknown(report: CostReport) -> None:
    assert told((report.total,)) == [
        (
            "total",
            10,
            11,
            "8.55 USD, 35 credits, unknown for 3",
            "2.2 USD, unknown for 6",
            "7.12 USD, 35 credits, unknown for 2",
        )
    ]


def test_by_shot(report: CostReport) -> None:
    assert told(report.shots) == [
        ("follow", 4, 5, "35 credits, unknown for 3", "unknown for 3", "35 credits, unknown for 2"),
        ("opening", 6, 6, "8.55 USD", "2.2 USD, unknown for 3", "7.12 USD"),
    ]


def test_by_provider(report: CostReport) -> None:
    assert told(report.providers) == [
        ("apiframe", 3, 4, "35 credits, unknown for 3", "unknown for 3", "35 credits, unknown for 2"),
        ("fal", 6, 6, "8.55 USD", "2.2 USD, unknown for 3", "7.12 USD"),
        ("not submitted", 1, 1, "nothing", "nothing", "nothing"),
    ]


def test_by_outcome_in_their_order(report: CostReport) -> None:
    assert told(report.outcomes) == [
        ("done", 2, 2, "2.42 USD", "2.2 USD", "2.2 USD"),
        ("reused", 1, 0, "0 USD", "0 USD", "0 USD"),
        ("rendering", 2, 2, "1.21 USD, unknown for 1", "unknown for 2", "1.21 USD, unknown for 1"),
        ("in doubt", 1, 1, "1.21 USD", "unknown for 1", "1.21 USD"),
        ("failed", 3, 3, "3.71 USD", "0 USD, unknown for 1", "2.5 USD"),
        ("discarded", 1, 1, "35 credits", "unknown for 1", "35 credits"),
        ("cancelled", 1, 1, "unknown for 1", "nothing", "nothing"),
        ("orphan", 1, 1, "unknown for 1", "unknown for 1", "unknown for 1"),
    ]


def test_every_attempt_is_in_one_line_of_each_kind(report: CostReport) -> None:
    for lines in (report.shots, report.providers, report.outcomes):
        assert sum(line.attempts for line in lines) == report.total.attempts
        for kind in ("estimated", "actual", "at_most"):
            total: Sums = getattr(report.total, kind)
            sums = [getattr(line, kind) for line in lines]
            assert sum(each.unknown for each in sums) == total.unknown
            for currency, amount in total.by_currency.items():
                assert sum(each.by_currency.get(currency, Decimal(0)) for each in sums) == amount


def test_a_report_on_nothing() -> None:
    report = CostReport.of(BATCH, [])
    assert told((report.total,)) == [("total", 0, 0, "nothing", "nothing", "nothing")]
    assert report.shots == report.providers == report.outcomes == ()


def test_sums() -> None:
    some = Sums.of([(Decimal("0.1"), "USD"), (Decimal("0.2"), "USD"), None, (Decimal(3), "credits")])
    assert some.by_currency == {"USD": Decimal("0.3"), "credits": Decimal(3)}
    assert some.unknown == 1
    assert some.to_json() == {"by_currency": {"USD": "0.3", "credits": "3"}, "unknown_attempts": 1}
    assert Sums.of([(Decimal(0), None)]) == Sums()
    assert Sums.of([(Decimal(1), None)]) == Sums(unknown=1)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0"),
        ("1.10", "1.1"),
        ("100", "100"),
        ("1E+3", "1,000"),
        ("1204.5", "1,204.5"),
        ("0.24676352", "0.2468"),
        ("0.00001", "0.00001"),
        ("0.00004", "0.00004"),
        ("1E-7", "0.0000001"),
        ("1E+30", "1,000,000,000,000,000,000,000,000,000,000"),
    ],
)
def test_an_amount_for_a_person_is_short_and_never_looks_like_nothing(amount: str, shown: str) -> None:
    assert money(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("amount", "shown"), [("0", "0"), ("0.00", "0"), ("1.10", "1.1"), ("1E+3", "1000"), ("0.24676352", "0.24676352")]
)
def test_an_amount_for_a_program_is_exact(amount: str, shown: str) -> None:
    assert exact(Decimal(amount)) == shown
    assert Decimal(exact(Decimal(amount))) == Decimal(amount)
