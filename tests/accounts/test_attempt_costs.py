"""What each attempt has cost, by the store alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from account_books import BATCH, DOLLARS, Books

from workers.accounts import AttemptCost, attempt_costs
from workers.accounts.attempts import DISCARDED, FREE
from workers.chains.files import ParentGone
from workers.errors import StoreError
from workers.ledger import UNSENT, orphan_token
from workers.providers.errors import ProviderError
from workers.receipts import Cost, Reused
from workers.store import Store
from workers.store.folder import FolderStore


class CountedStore(FolderStore):
    """A folder that counts what is asked of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.gets: list[str] = []
        self.lists: list[str] = []

    def get(self, key: str) -> bytes:
        self.gets.append(key)
        return super().get(key)

    def keys(self, prefix: str) -> Iterator[str]:
        self.lists.append(prefix)
        return super().keys(prefix)


@pytest.fixture
def folder(tmp_path: Path) -> CountedStore:
    return CountedStore(tmp_path / "counted")


def only(store: Store) -> AttemptCost:
    (cost,) = attempt_costs(store, BATCH)
    return cost


def short(cost: AttemptCost) -> tuple[object, ...]:
    """All that is told of one attempt, in one line."""
    estimated = None if cost.estimated is None else f"{cost.estimated} {cost.estimated_currency}"
    actual = None if cost.actual is None else f"{cost.actual} {cost.currency}"
    told = (cost.take, cost.attempt, cost.provider, cost.job_id, cost.outcome, cost.kind, estimated, actual, cost.basis)
    return (cost.shot, *told)


def test_every_outcome_is_told_with_what_is_known_of_its_money(store: Store, books: Books) -> None:
    books.everything()
    f, o = "follow", "opening"
    unknown = (None, "unknown")
    assert [short(cost) for cost in attempt_costs(store, BATCH)] == [
        (f, "follow/0001", 1, "apiframe", None, "discarded", "waived", "35 credits", *unknown),
        (f, "follow/0002", 1, "apiframe", None, "cancelled", "cancelled", None, "0 None", "unbilled"),
        (f, "follow/0003", 1, "apiframe", "job-9", "rendering", None, None, *unknown),
        (f, "follow/0003", 1, "apiframe", "job-10", "orphan", None, None, *unknown),
        (f, "follow/0004", 1, None, None, "failed", "invalid", "0 None", "0 None", "unbilled"),
        (o, "opening.2/0001", 1, "fal", "job-6", "failed", "output-moderation", "2.5 USD", *unknown),
        (o, "opening/0001", 1, "fal", "job-1", "done", None, "1.21 USD", "1.10 USD", "exact"),
        (o, "opening/0002", 1, "fal", "job-2", "failed", "transient", "1.21 USD", "0 USD", "unbilled"),
        (o, "opening/0002", 2, "fal", "job-1", "done", None, "1.21 USD", "1.10 USD", "exact"),
        (o, "opening/0003", None, "fal", None, "reused", None, "0 USD", "0 USD", "reused"),
        (o, "opening/0004", 1, "fal", "job-4", "rendering", None, "1.21 USD", *unknown),
        (o, "opening/0005", 1, "fal", None, "in doubt", None, "1.21 USD", *unknown),
    ]


def test_a_batch_of_which_nothing_is_stored_has_no_attempts(store: Store, books: Books) -> None:
    assert attempt_costs(store, BATCH) == []
    Books(store, "night-2").everything()
    assert attempt_costs(store, BATCH) == []
    books.ledger.freeze(b"{}")
    assert attempt_costs(store, BATCH) == []


@pytest.mark.parametrize("kind", sorted(FREE - {"cancelled"}))
def test_a_failure_that_is_not_billed_cost_nothing(folder: CountedStore, kind: str) -> None:
    books = Books(folder)
    books.intend("s/0001")
    books.accept("s/0001")
    books.end("s/0001", kind=kind)
    cost = only(folder)
    assert (cost.outcome, cost.kind) == ("failed", kind)
    assert (cost.actual, cost.currency, cost.basis) == (Decimal(0), "USD", "unbilled")
    assert cost.at_most == (Decimal(0), "USD")


@pytest.mark.parametrize(
    "kind", ["output-moderation", "expired", "damaged", "unknown", "in-doubt", "a kind that is made up tomorrow"]
)
def test_a_failure_that_may_have_been_billed_may_have_cost_its_highest_price(folder: CountedStore, kind: str) -> None:
    books = Books(folder)
    books.intend("s/0001")
    books.accept("s/0001")
    books.end("s/0001", kind=kind)
    cost = only(folder)
    assert (cost.outcome, cost.kind) == ("failed", kind)
    assert (cost.actual, cost.currency, cost.basis) == (None, None, "unknown")
    assert cost.at_most == (Decimal("1.21"), "USD")


@pytest.mark.parametrize("kind", sorted(DISCARDED))
def test_what_a_person_gave_up_is_discarded_and_may_have_been_billed(folder: CountedStore, kind: str) -> None:
    books = Books(folder)
    books.intend("s/0001")
    books.end("s/0001", kind=kind)
    cost = only(folder)
    assert (cost.outcome, cost.kind, cost.actual) == ("discarded", kind, None)
    assert cost.at_most == (Decimal("1.21"), "USD")


def test_the_kinds_that_cost_nothing_are_the_providers_own() -> None:
    kinds = {ProviderError.kind, ParentGone.kind, *(error.kind for error in ProviderError.__subclasses__())}
    assert kinds >= FREE - {UNSENT}, "that one is ours: nothing was sent"
    assert kinds - FREE == {"output-moderation", "in-doubt", "expired", "unknown"}


def test_a_receipt_outweighs_an_ending_that_was_believed_before(folder: CountedStore) -> None:
    books = Books(folder)
    books.intend("s/0001")
    books.accept("s/0001")
    books.end("s/0001", kind="damaged")
    books.receipt("s/0001")
    cost = only(folder)
    assert (cost.outcome, cost.kind, cost.actual) == ("done", None, Decimal("1.10"))


def test_a_done_take_of_unknown_cost_is_unknown_up_to_its_estimate(folder: CountedStore) -> None:
    Books(folder).render("s/0001", cost=Cost(estimated=Decimal("1.21"), estimated_currency="USD"))
    cost = only(folder)
    assert (cost.outcome, cost.actual, cost.currency, cost.basis) == ("done", None, None, "unknown")
    assert cost.at_most == (Decimal("1.21"), "USD")


def test_a_take_of_which_nothing_is_known_is_unknown_and_not_zero(folder: CountedStore) -> None:
    books = Books(folder)
    books.intend("s/0001", price=None)
    cost = only(folder)
    assert (cost.estimated, cost.actual, cost.at_most) == (None, None, None)


def test_an_estimate_and_a_bill_may_be_in_two_currencies(folder: CountedStore) -> None:
    books = Books(folder)
    books.render("s/0001", cost=Cost(amount=Decimal(35), currency="credits", basis="billed"))
    cost = only(folder)
    assert (cost.estimated, cost.estimated_currency) == (Decimal("1.21"), "USD")
    assert (cost.actual, cost.currency) == (Decimal(35), "credits")
    assert cost.at_most == (Decimal(35), "credits")


def test_a_receipt_alone_tells_of_its_attempt(folder: CountedStore) -> None:
    books = Books(folder)
    books.intend("s/0001", 1)
    books.end("s/0001", 1, kind="rate")
    books.receipt("s/0001", 2)
    assert [(cost.attempt, cost.outcome) for cost in attempt_costs(folder, BATCH)] == [(1, "failed"), (2, "done")]


def test_a_take_that_failed_and_was_then_taken_over_shows_both(folder: CountedStore) -> None:
    books = Books(folder)
    books.intend("s/0001")
    books.accept("s/0001")
    books.end("s/0001", kind="expired")
    nothing = Cost(amount=Decimal(0), currency="USD", basis="reused")
    books.receipt("s/0001", cost=nothing, reused=Reused(batch="earlier", take="s/0002"))
    costs = attempt_costs(folder, BATCH)
    assert [(cost.attempt, cost.outcome, cost.actual) for cost in costs] == [
        (1, "failed", None),
        (None, "reused", Decimal(0)),
    ]


def test_an_orphan_counts_beside_the_attempt_that_it_came_with(folder: CountedStore) -> None:
    books = Books(folder)
    books.render("s/0001")
    books.accept("s/0001", job="job-2", orphan=True)
    books.accept("s/0001", job="job-3", orphan=True)
    costs = attempt_costs(folder, BATCH)
    assert {(cost.outcome, cost.job_id) for cost in costs} == {
        ("done", "job-1"),
        ("orphan", "job-2"),
        ("orphan", "job-3"),
    }
    assert [cost.at_most for cost in costs if cost.outcome == "orphan"] == [(Decimal("1.21"), "USD")] * 2
    assert all(cost.actual is None for cost in costs if cost.outcome == "orphan")


def test_an_orphan_whose_video_was_kept_has_what_its_receipt_says(folder: CountedStore) -> None:
    books = Books(folder)
    books.render("s/0001")
    books.accept("s/0001", job="job-2", orphan=True)
    kept = DOLLARS.model_copy(update={"amount": Decimal("0.9")})
    books.receipt(f"s/0001.orphan-{orphan_token('job-2')}", cost=kept, job="job-2")
    costs = attempt_costs(folder, BATCH)
    assert [(cost.take, cost.attempt, cost.outcome, cost.job_id, cost.actual) for cost in costs] == [
        ("s/0001", 1, "done", "job-1", Decimal("1.10")),
        ("s/0001", 1, "orphan", "job-2", Decimal("0.9")),
    ]


def test_an_orphan_is_counted_whichever_of_its_records_is_left(folder: CountedStore) -> None:
    books = Books(folder)
    books.receipt(f"s/0001.orphan-{orphan_token('job-2')}", job="job-2")
    books.intend("s/0002")
    books.end("s/0002", kind="transient", orphan="job-3")
    books.accept("s/0003", job="job-4", orphan=True)
    costs = attempt_costs(folder, BATCH)
    assert [(cost.take, cost.outcome, cost.provider, cost.job_id) for cost in costs] == [
        ("s/0001", "orphan", "fal", "job-2"),
        ("s/0002", "in doubt", "fal", None),
        ("s/0002", "orphan", "fal", None),
        ("s/0003", "orphan", "fal", "job-4"),
    ]


def test_what_was_cancelled_before_it_was_accepted_cost_nothing(folder: CountedStore) -> None:
    books = Books(folder)
    books.intend("s/0001")
    books.end("s/0001", kind="cancelled")
    cost = only(folder)
    assert (cost.outcome, cost.kind, cost.basis) == ("cancelled", "cancelled", "unbilled")
    assert cost.at_most == (Decimal(0), "USD")


def test_what_was_cancelled_after_it_was_accepted_may_have_been_billed(folder: CountedStore) -> None:
    books = Books(folder)
    books.intend("s/0001")
    books.accept("s/0001")
    books.end("s/0001", kind="cancelled")
    cost = only(folder)
    assert (cost.outcome, cost.kind, cost.actual) == ("cancelled", "cancelled", None)
    assert cost.at_most == (Decimal("1.21"), "USD")


def test_when_an_attempt_was_submitted(folder: CountedStore) -> None:
    books = Books(folder)
    books.render("s/0001")
    books.accept("s/0001", job="job-2", orphan=True)
    books.intend("s/0002")
    books.end("s/0003", kind="invalid")
    nothing = Cost(amount=Decimal(0), currency="USD", basis="reused")
    books.receipt("s/0004", cost=nothing, reused=Reused(batch="earlier", take="s/0002"))
    assert [cost.at for cost in attempt_costs(folder, BATCH)] == [
        1795241643.5,
        1795241644.5,
        1795241643.25,
        1795241700.0,
        1795241720.0,
    ]


def test_no_take_is_listed_by_itself_and_no_record_read_twice(folder: CountedStore) -> None:
    books = Books(folder)
    for number in range(1, 31):
        books.render(f"s/{number:04}")
    books.intend("s/0031")
    books.end("s/0032", kind="invalid")
    folder.gets.clear()
    folder.lists.clear()
    assert len(attempt_costs(folder, BATCH)) == 32
    assert len(folder.lists) == 2
    receipts = [f"{BATCH}/s/{number:04}.receipt.json" for number in range(1, 31)]
    attempts = f"{BATCH}/.rushes/attempts/s"
    assert sorted(folder.gets) == sorted([*receipts, f"{attempts}/0031/1.intent.json", f"{attempts}/0032/1.ended.json"])


def test_the_estimate_of_a_receipt_that_is_older_than_estimates_is_that_of_its_intent(folder: CountedStore) -> None:
    books = Books(folder)
    books.render("s/0001", cost=DOLLARS.model_copy(update={"estimated": None, "estimated_currency": None}))
    cost = only(folder)
    assert (cost.estimated, cost.estimated_currency) == (Decimal("1.21"), "USD")
    assert cost.actual == Decimal("1.10")


def test_a_take_that_is_finished_in_the_midst_of_it_is_done(tmp_path: Path) -> None:
    class Busy(FolderStore):
        def keys(self, prefix: str) -> Iterator[str]:
            yield from super().keys(prefix)
            if prefix.endswith("/attempts/"):
                Books(FolderStore(tmp_path)).receipt("s/0001")
                Books(FolderStore(tmp_path)).render("s/0002")

    books = Books(FolderStore(tmp_path))
    books.intend("s/0001")
    books.accept("s/0001")
    assert [(cost.take, cost.outcome) for cost in attempt_costs(Busy(tmp_path), BATCH)] == [
        ("s/0001", "done"),
        ("s/0002", "done"),
    ]


def test_so_many_records_are_read_at_once_as_there_are_threads(tmp_path: Path) -> None:
    together = threading.Barrier(4)

    class Meeting(FolderStore):
        def get(self, key: str) -> bytes:
            together.wait(30)
            return super().get(key)

    books = Books(FolderStore(tmp_path))
    for number in range(8):
        books.intend(f"s/{number:04}")
    assert len(attempt_costs(Meeting(tmp_path), BATCH, threads=4)) == 8


def test_a_store_that_fails_is_an_error_and_not_a_smaller_bill(tmp_path: Path) -> None:
    class Failing(FolderStore):
        def get(self, key: str) -> bytes:
            if "0005" in key:
                raise StoreError("the disk is on strike")
            return super().get(key)

    books = Books(FolderStore(tmp_path))
    for number in range(8):
        books.intend(f"s/{number:04}")
    with pytest.raises(StoreError, match="on strike"):
        attempt_costs(Failing(tmp_path), BATCH)
