"""A lineage: the manifests that a batch's name has stood for, from the first to the one that holds now.

An index or a name that a take ever had is its for good, whatever is edited later: receipts, ledgers and what a
provider is rendering at this moment go by them.
"""

from __future__ import annotations

import hashlib
import json
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from jobs.errors import ManifestError, Problem
from jobs.manifest import MOST_TAKES, Manifest
from jobs.takes.strands import Strand, live_digests, strands_of


class Lineage(BaseModel):
    """All manifests of one batch, oldest first; the last one holds. Immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifests: tuple[Manifest, ...]

    @model_validator(mode="after")
    def _of_one_batch(self) -> Self:
        if len({manifest.batch for manifest in self.manifests}) != 1:
            raise ValueError("a lineage is of one batch, and has one manifest at least")
        return self

    @classmethod
    def of(cls, manifest: Manifest) -> Lineage:
        """The lineage of a batch that has had no other manifest."""
        return cls(manifests=(manifest,))

    @property
    def current(self) -> Manifest:
        """The manifest that holds."""
        return self.manifests[-1]

    def strands(self) -> tuple[Strand, ...]:
        """Every strand that the batch has had, in order of index; those that hold are the current manifest's."""
        return strands_of(self.manifests)

    def grown(self, manifest: Manifest) -> Lineage:
        """The lineage once `manifest` holds.

        Where its strands are those of the current one, in the same order, it takes that one's place: only terms have
        changed. Raises ValueError when it is another batch's, and `jobs.errors.ManifestError` when the batch, with all
        that it has had, would come to more takes than one may.
        """
        if manifest.batch != self.current.batch:
            raise ValueError(f"{manifest.batch!r} is another batch than {self.current.batch!r}")
        same = live_digests(manifest) == live_digests(self.current)
        grown = Lineage(manifests=(*(self.manifests[:-1] if same else self.manifests), manifest))
        total = grown.strands()[-1].end
        if total > MOST_TAKES:
            most = f"{MOST_TAKES:,} is the most; take another batch name"
            message = f"with the takes that the batch has had before, it comes to {total:,}, and {most}"
            raise ManifestError(manifest.batch, [Problem("shots", message)])
        return grown

    def extends(self, other: Lineage) -> bool:
        """Whether every take of `other` has the same index and name here. It does when they are equal, too."""
        mine, others = self.strands(), other.strands()
        same_batch = self.current.batch == other.current.batch
        return same_batch and [each.digest for each in mine[: len(others)]] == [each.digest for each in others]

    def digest(self) -> str:
        """The sha256 (hex) of it: of one manifest its own digest, of several one that is made of theirs."""
        digests = [manifest.digest() for manifest in self.manifests]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def to_json(self) -> bytes:
        """The frozen form. One manifest alone is written as itself, as it always was."""
        one_alone = self.current if len(self.manifests) == 1 else self
        return one_alone.model_dump_json().encode()

    @classmethod
    def from_json(cls, frozen: bytes) -> Lineage:
        """What `to_json` wrote, by this version of Rushes or one before. Raises ValueError."""
        data = json.loads(frozen)
        if isinstance(data, dict) and "manifests" in data:
            return cls.model_validate_json(frozen)
        return cls.of(Manifest.model_validate_json(frozen))
