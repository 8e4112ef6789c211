"""A manifest as a whole: the batch, its terms and its shots."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Self

from pydantic import model_validator

from jobs.faults import Faults
from jobs.fields.amounts import Amount
from jobs.manifest.defaults import Defaults, Model
from jobs.manifest.kinds import (
    BatchName,
    Daily,
    Doubts,
    Failures,
    From,
    Limits,
    Moderated,
    OwnPrice,
    Provider,
    Retries,
    Text,
    Until,
    Way,
    Weight,
    Whose,
    YesOrNo,
)
from jobs.manifest.neighbours import batch_faults
from jobs.manifest.shot import Shot
from jobs.sweeps import Written
from jobs.takes import LastFrame


class Manifest(Model):
    """One batch, as a person asked for it. Immutable.

    `last_frame`, `retry_moderated` and `price` hold for every shot, unless the defaults or the shot say otherwise.

    Nothing more is submitted when the `budget` is used up, when `max_failures` takes have failed, or after the
    `deadline`; nor before `not_before`, or outside of the `window` of the day. `on_doubt` says what becomes of an
    attempt that nothing settles (None: `hold`), and `reuse` whether takes of other batches are taken from the store
    where they are the same (None: no). Of batches side by side, one of twice the `weight` (None: 1) is served twice as
    often.

    Where `provider` names several, `route` says which of them a take is tried with first (None: `ordered`), and
    `moderation` whether what one refuses for its content is asked of the next (None: `stay`).
    """

    batch: BatchName
    provider: Provider
    model: Text
    last_frame: Whose | None = None
    retry_moderated: Retries | None = None
    price: OwnPrice | None = None
    budget: Limits | None = None
    max_failures: Failures | None = None
    deadline: Until | None = None
    not_before: From | None = None
    window: Daily | None = None
    weight: Weight | None = None
    on_doubt: Doubts | None = None
    reuse: YesOrNo | None = None
    route: Way | None = None
    moderation: Moderated | None = None
    defaults: Defaults = Defaults()
    shots: tuple[Shot, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        faults = list(batch_faults(dict(enumerate(self.shots)), self.defaults, self.batch))
        if faults:
            raise Faults(faults)
        return self

    @property
    def providers(self) -> tuple[str, ...]:
        """Who may render, in the order in which they are named."""
        return (self.provider,) if isinstance(self.provider, str) else self.provider

    def last_frame_of(self, shot: Shot) -> LastFrame:
        """Whose last frame is kept of the takes of `shot`."""
        return shot.last_frame or self.defaults.last_frame or self.last_frame or "decoded"

    def retry_moderated_of(self, shot: Shot) -> int:
        """How often a take of `shot` may be submitted again after output moderation."""
        given = (shot.retry_moderated, self.defaults.retry_moderated, self.retry_moderated)
        return next((number for number in given if number is not None), 0)

    def price_of(self, shot: Shot) -> Amount | None:
        """What one take of `shot` costs at most, by the manifest's own word, or None when it has none."""
        given = (shot.price, self.defaults.price, self.price)
        return next((price for price in given if price is not None), None)

    def priority_of(self, shot: Shot) -> int:
        """The priority of the takes of `shot`."""
        given = (shot.priority, self.defaults.priority)
        return next((number for number in given if number is not None), 0)

    def digest(self) -> str:
        """The sha256 (hex) of what the manifest asks for, names included.

        Left-out fields are left out of it too, so that a field which a later version of Rushes adds changes
        no digest. The order of the axes counts, for it decides which take has which number.
        """
        asked = self.model_dump(mode="json", exclude_defaults=True)
        for shot in asked["shots"]:
            if "sweep" in shot:
                shot["sweep"] = in_order(shot["sweep"])
        canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def in_order(sweep: Mapping[str, Written]) -> list[tuple[str, object]]:
    """A sweep for a digest, in which the order of its axes counts, and of the variables in its rows."""
    return [
        (name, written if isinstance(written, str) else [_in_order(entry) for entry in written])
        for name, written in sweep.items()
    ]


def _in_order(entry: object) -> object:
    return list(entry.items()) if isinstance(entry, Mapping) else entry
