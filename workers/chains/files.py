"""The files of other takes that a take takes up: what its submission needs of them, and what is put on record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from jobs.chains.links import MEDIUM_OF
from jobs.inputs.formats import Format, format_of_ending
from jobs.takes import Take
from workers.chains.record import TakenUp
from workers.context import Context
from workers.errors import ObjectMissing, StoreRefused
from workers.providers.errors import ProviderError
from workers.receipts import read_receipt

_ENDINGS = {"last_frame": "png", "video": "mp4"}
assert _ENDINGS.keys() == MEDIUM_OF.keys()


class ParentGone(ProviderError):
    """A file of another take, which this one takes up, is not in the store any more. Nothing was sent."""

    kind = "parent"


@dataclass(frozen=True, slots=True)
class ParentFile:
    """Such a file in the store, at `key`. `reference` is what the take's request calls it."""

    reference: str
    key: str
    taken_up: TakenUp

    @property
    def name(self) -> str:
        """A name by its content, `<sha256>.<ending>`."""
        return f"{self.taken_up.sha256}.{_ENDINGS[self.taken_up.file]}"

    @property
    def format(self) -> Format:
        """Its format."""
        found = format_of_ending(_ENDINGS[self.taken_up.file])
        assert found is not None
        return found


def parent_files(context: Context, take: Take) -> tuple[ParentFile, ...]:
    """The files that `take` takes up, by the receipts of its parents.

    Raises `ParentGone` when one is not to be had, and the other `StoreError`s of the store.
    """
    expansion = context.expansion(take.batch)
    found = []
    for parent in expansion.parents(take.index):
        name = expansion[parent.index].name
        try:
            receipt = read_receipt(context.store, take.batch, name)
        except (ObjectMissing, StoreRefused) as error:
            raise ParentGone(f"{name} is taken up by it, and isn't whole in the store any more: {error}") from error
        facts = receipt.video if parent.file == "video" else receipt.last_frame
        taken_up = TakenUp(take=name, file=parent.file, sha256=facts.sha256)
        found.append(ParentFile(parent.reference, facts.key, taken_up))
    return tuple(found)


def parent_bytes(context: Context, file: ParentFile) -> bytes:
    """The bytes of such a file. Raises `ParentGone` when they aren't those of its receipt, and `StoreError`s."""
    told = file.taken_up
    try:
        body = context.store.get(file.key)
    except ObjectMissing as error:
        raise ParentGone(f"the {told.file} of {told.take} is taken up by it, and gone: {error}") from error
    if hashlib.sha256(body).hexdigest() != told.sha256:
        raise ParentGone(f"{context.store.url(file.key)} holds other bytes than the receipt of {told.take} says")
    return body
