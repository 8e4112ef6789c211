"""How local files reach a provider: chosen by what it takes, and by what the store can do. Pure.

A presigned URL is best: nothing is copied, and nothing bounds the file but the provider. A data URI needs no place at
all, and makes the request a third larger than the file. The provider's own upload leaves a copy of the file there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from jobs.capabilities import Capabilities, capabilities
from jobs.chains.graph import written_links
from jobs.checks.choices import choices_of_shot
from jobs.errors import RushesError
from jobs.faults import choice, listing
from jobs.fields.references import MEDIA, Medium
from jobs.inputs import LocalInput
from jobs.inputs.limits import kind_messages
from jobs.manifest import Manifest

Handover = Literal["presigned", "data", "upload"]

SAID: Mapping[Handover, str] = {
    "presigned": "as presigned URLs",
    "data": "as data URIs",
    "upload": "by the provider's own upload",
}

ASSUMED_BODY_BYTES = 64_000_000
"""What a request may hold where the provider doesn't say: no more than the least that any other one says."""

BODY_MARGIN_BYTES = 1_000_000
"""Of a request, for what is in it beside files."""

_OF_AWS = (".amazonaws.com", ".amazonaws.com.cn")


class NotHandedOver(RushesError):
    """There is no way for a local file to get to the provider. Nothing was sent."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What matters of the store: whether it signs URLs, and whether providers can reach them."""

    signs: bool
    reachable: bool


def facts_of(signed: str | None, *, public: bool) -> StoreFacts:
    """The facts of a store that signs a URL so. `public` is a person's word that providers can reach it."""
    if signed is None:
        return StoreFacts(signs=False, reachable=False)
    host = urlsplit(signed).hostname or ""
    return StoreFacts(signs=True, reachable=public or host.endswith(_OF_AWS))


def choose(table: Capabilities, medium: Medium, store: StoreFacts, wanted: Handover | None = None) -> Handover:
    """How files of `medium` reach the table's provider. `wanted` is a person's own choice.

    Raises `NotHandedOver`, saying what to do.
    """
    ways = table.ways_of(medium)
    possible: dict[Handover, bool] = {
        "presigned": "url" in ways and store.signs and (store.reachable or wanted == "presigned"),
        "data": "data" in ways,
        "upload": "upload" in ways,
    }
    if wanted is not None:
        if possible[wanted]:
            return wanted
        raise NotHandedOver(_refusal(table, medium, wanted, [each for each in possible if possible[each]], store))
    for handover, can in possible.items():
        if can:
            return handover
    advice = (
        "Set RUSHES_STORE_PUBLIC=true if it can reach the store"
        if store.signs
        else "Store to a bucket that it can reach (RUSHES_STORE=s3://...)"
    )
    raise NotHandedOver(
        f"{table.provider} takes {_a(medium)} only by a URL that it can fetch, and can't fetch local files. "
        f"{advice}, or put the file where it can and give its https:// URL"
    )


def data_uri_bytes(length: int) -> int:
    """The length of the data URI of a file of `length` bytes."""
    return len("data:video/quicktime;base64,") + (length + 2) // 3 * 4


def body_bound(table: Capabilities) -> int:
    """How many bytes of data URIs a request to the table's provider may hold."""
    return (table.most_body_bytes or ASSUMED_BODY_BYTES) - BODY_MARGIN_BYTES


@dataclass(frozen=True, slots=True)
class Planned:
    """The local files of one manifest: how many, how large, and by medium how each reaches the provider."""

    files: int
    bytes: int
    handovers: Mapping[Medium, Handover]

    def __str__(self) -> str:
        count = f"{self.files:,} file{'' if self.files == 1 else 's'}, {_size(self.bytes)}"
        what = count if self.files else "files of other takes"
        ways = set(self.handovers.values())
        if len(ways) == 1:
            return f"{what}: {SAID[ways.pop()]}"
        return f"{what}: {', '.join(f'{m} {SAID[way]}' for m, way in self.handovers.items())}"

    def to_json(self) -> dict[str, object]:
        """The same as plain mappings, text and numbers."""
        return {"files": self.files, "bytes": self.bytes, "handover": dict(self.handovers)}


def plan_with_any(
    manifest: Manifest, inputs: Sequence[LocalInput], store: StoreFacts, wanted: Handover | None = None
) -> Planned:
    """As `plan_inputs`, with the first of the manifest's providers that the files can be given to.

    Raises `NotHandedOver` when there is none, and says why.
    """
    refusals = []
    for provider in manifest.providers:
        try:
            return plan_inputs(manifest, inputs, capabilities(provider), store, wanted)
        except NotHandedOver as error:
            refusals.append(str(error))
    raise NotHandedOver("\n".join(refusals))


def plan_inputs(
    manifest: Manifest,
    inputs: Sequence[LocalInput],
    table: Capabilities,
    store: StoreFacts,
    wanted: Handover | None = None,
) -> Planned:
    """How the local files of the frozen `manifest`, and those that its takes take up of each other, will reach its
    provider.

    Raises `NotHandedOver` with everything that is in the way.
    """
    problems: dict[str, None] = {}
    handovers: dict[Medium, Handover] = {}
    for medium in dict.fromkeys((*(each.medium for each in inputs), *_taken_up(manifest))):
        try:
            handovers[medium] = choose(table, medium, store, wanted)
        except NotHandedOver as error:
            problems[str(error)] = None
    for each in inputs:
        limits = table.inputs.get(each.medium)
        if handovers.get(each.medium) == "upload" and limits is not None and limits.uploaded is not None:
            for message in kind_messages(each, limits.uploaded, f"{table.provider}'s upload"):
                problems[f"{each.path} {message}"] = None
    in_data = [each for each in inputs if handovers.get(each.medium) == "data"]
    bound = body_bound(table)
    for shot, length in _largest_bodies(manifest, in_data):
        if length > bound:
            told = f"the shot {shot}: its files make a request of {length:,} bytes as data URIs"
            advice = "Store to a bucket that it can reach (RUSHES_STORE=s3://...), or give smaller files"
            problems[f"{told}, and {table.provider} takes {bound:,}. {advice}"] = None
    if problems:
        raise NotHandedOver("\n".join(problems))
    return Planned(len(inputs), sum(each.bytes for each in inputs), handovers)


def _taken_up(manifest: Manifest) -> Iterator[Medium]:
    """Of which media the files are that takes take up of each other."""
    for shot in manifest.shots:
        yield from (written.link.medium for written in written_links(manifest.defaults, shot))


def _largest_bodies(manifest: Manifest, inputs: Iterable[LocalInput]) -> Iterator[tuple[str, int]]:
    """For each shot, the bytes of data URIs in the largest request of any of its takes."""
    sizes = {each.reference: data_uri_bytes(each.bytes) for each in inputs}
    for at, shot in enumerate(manifest.shots):
        choices = choices_of_shot(manifest.model, manifest.defaults, at, shot)
        total = 0
        for field in MEDIA.keys() & choices.keys():
            total += max(_length(each.value, sizes) for each in choices[field])
        yield shot.name, total


def _length(value: object, sizes: Mapping[str, int]) -> int:
    return sum(sizes.get(str(each), 0) for each in (value if isinstance(value, tuple) else (value,)))


def _refusal(table: Capabilities, medium: Medium, wanted: Handover, possible: list[Handover], store: StoreFacts) -> str:
    if wanted == "presigned" and not store.signs:
        why = "a folder signs no URLs; store to a bucket (RUSHES_STORE=s3://...)"
    else:
        ways = {"url": "URLs", "data": "data URIs", "asset": "asset ids", "upload": "uploads"}
        why = f"for {_a(medium)}, {table.provider} takes {listing(ways[way] for way in table.ways_of(medium))}"
    hint = f" RUSHES_INPUTS can be {choice(possible)} here, or unset" if possible else " Unset RUSHES_INPUTS"
    return f"RUSHES_INPUTS={wanted}: {why}.{hint}"


def _a(medium: Medium) -> str:
    return "a video" if medium == "video" else f"an {medium}"


def _size(length: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if length >= scale:
            return f"{length / scale:.1f} {unit}"
    return f"{length} bytes"
