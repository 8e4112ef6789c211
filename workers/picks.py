"""Picks: what a person thinks of the takes of a batch, kept in the store beside its record.

    <batch>/.rushes/ratings.json
    {"schema_version": 1, "batch": "night", "picks": {"opening/0007-wheat-seed3": {"star": true, "rating": 4,
     "rejected": false, "note": "the light!", "at": "2026-11-21T06:14:03.250000Z"}}}

The page and `rushes picks` read and write this one object. It holds opinions, and an opinion sets nothing to work: a
star may be given and taken back without a thought of money. Two people who pick at
the same time lose nothing of different takes: who writes merges into what is there by then, and of one take the later
word holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from workers.errors import ObjectMissing
from workers.records import Moment, Record, Text
from workers.store.protocol import Store

LONGEST_NOTE = 4_000
"""Characters of a note that are kept."""


class Pick(Record):
    """What is thought of one take. `at` is when that was said, in seconds since the epoch.

    A pick in which nothing is said is kept all the same: it tells that an earlier one was taken back.
    """

    star: bool = False
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    rejected: bool = False
    note: Annotated[Text, Field(max_length=LONGEST_NOTE)] = ""
    at: Moment

    @property
    def picked(self) -> bool:
        """Whether the take is one to go on with: it has the star, and wasn't rejected."""
        return self.star and not self.rejected

    @property
    def says_something(self) -> bool:
        """Whether anything is said of the take at all."""
        return self.star or self.rejected or self.rating is not None or bool(self.note)


class Picks(Record):
    """The picks of one batch, by the names of the takes."""

    schema_version: Literal[1] = 1
    batch: str
    picks: Mapping[str, Pick] = Field(default_factory=dict)

    def merged(self, other: Mapping[str, Pick]) -> Picks:
        """These and `other`'s; of one take, the later. Of two of the same moment, `other`'s."""
        found = dict(self.picks)
        for take, pick in other.items():
            if take not in found or found[take].at <= pick.at:
                found[take] = pick
        return self.model_copy(update={"picks": dict(sorted(found.items()))})

    def picked(self) -> list[str]:
        """The names of the takes to go on with, in order."""
        return [take for take, pick in sorted(self.picks.items()) if pick.picked]

    def said(self) -> Iterator[tuple[str, Pick]]:
        """The takes of which something is said, in order of their names."""
        return ((take, pick) for take, pick in sorted(self.picks.items()) if pick.says_something)


def picks_key(batch: str) -> str:
    """Where the picks of a batch lie in the store."""
    return f"{batch}/.rushes/ratings.json"


def read_picks(store: Store, batch: str) -> Picks:
    """The picks of a batch; none where nobody has picked yet.

    Raises `StoreRefused` when what is there are no picks, and the other `StoreError`s of `store`.
    """
    key = picks_key(batch)
    try:
        body = store.get(key)
    except ObjectMissing:
        return Picks(batch=batch)
    return Picks.from_json(body, store.url(key))


def add_picks(store: Store, batch: str, picks: Mapping[str, Pick]) -> Picks:
    """Merge `picks` into those of the batch; all of them afterwards. Nothing is written when that changes nothing.

    Raises as `read_picks` does, and the `StoreError`s of a put.
    """
    before = read_picks(store, batch)
    after = before.merged(picks)
    if after != before:
        store.put_bytes(picks_key(batch), after.to_json(), content_type="application/json")
    return after
