"""Strands: what stays of a shot when the manifest around it is edited.

A strand is one shot of one manifest with everything that makes its takes. An edit that changes nothing of that leaves
the strand what it was, with its indices and the names of its takes; any other makes a new strand, whose takes come
after all that the batch has had.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from jobs.chains.graph import parents_of
from jobs.manifest import Manifest, Shot, in_order
from jobs.takes import LastFrame


@dataclass(frozen=True, slots=True)
class Strand:
    """One strand in its place. Its takes have the indices from `start` up to, and without, `end`.

    `manifest` is the newest one that has it and `shot` its entry there: they say what holds for its takes beside what
    makes them. `edition` counts the strands of this shot's name from 1; case doesn't tell two names apart.
    """

    digest: str
    manifest: Manifest
    shot: Shot
    start: int
    count: int
    edition: int

    @property
    def end(self) -> int:
        """The first index after it."""
        return self.start + self.count

    @property
    def last_frame(self) -> LastFrame:
        """Whose last frame is kept of its takes."""
        return self.manifest.last_frame_of(self.shot)


def common_fields(manifest: Manifest, shot: Shot) -> dict[str, object]:
    """What all takes of `shot` ask alike where no axis says otherwise: the fields that not all of them have from an
    axis, the prompt aside."""
    fields: dict[str, object] = {"model": manifest.model, **manifest.defaults.given(), **shot.given()}
    if manifest.last_frame_of(shot) == "provider":
        fields.setdefault("return_last_frame", True)
    swept = shot.mix().swept()
    return {name: value for name, value in fields.items() if name not in swept}


def strand_digest(manifest: Manifest, shot: Shot) -> str:
    """The sha256 (hex) of all that makes the takes of `shot`, their names included, and those that they take up.

    Terms are no part of it: money, priority, retries and whatever else says how takes are handled. Nor is whether a
    field was set for the shot or under the defaults. The order of the axes counts, for it decides which take has which
    number.
    """
    return _digest(manifest, shot, {each.name: each for each in manifest.shots}, {})


def _digest(manifest: Manifest, shot: Shot, shots: Mapping[str, Shot], known: dict[str, str]) -> str:
    if shot.name in known:
        return known[shot.name]
    parents = parents_of(manifest.defaults, shot)
    after = {name: _digest(manifest, shots[name], shots, known) for name in parents}
    chained = {"for_each": shot.for_each, "dealt_as": None if shot.promote is None else shot.dealt_as, "after": after}
    made_of = {
        "name": shot.name,
        # In which order they are tried is a term.
        "provider": manifest.provider if isinstance(manifest.provider, str) else sorted(manifest.provider),
        "last_frame": manifest.last_frame_of(shot),
        "prompt": shot.prompt,
        "fields": common_fields(manifest, shot),
        "sweep": in_order(shot.sweep),
        **shot.mix().beside_the_sweep(),
        **{name: value for name, value in chained.items() if value},
    }
    canonical = json.dumps(made_of, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    known[shot.name] = hashlib.sha256(canonical.encode()).hexdigest()
    return known[shot.name]


def live_digests(manifest: Manifest) -> tuple[str, ...]:
    """The digests of the manifest's strands, in its order."""
    known: dict[str, str] = {}
    shots = {shot.name: shot for shot in manifest.shots}
    return tuple(_digest(manifest, shot, shots, known) for shot in manifest.shots)


def strands_of(manifests: Iterable[Manifest]) -> tuple[Strand, ...]:
    """All strands that a batch has had under `manifests`, given from the oldest to the newest, in order of index."""
    found: dict[str, Strand] = {}
    editions: Counter[str] = Counter()
    end = 0
    for manifest in manifests:
        for digest, shot in zip(live_digests(manifest), manifest.shots, strict=True):
            if digest in found:
                found[digest] = replace(found[digest], manifest=manifest, shot=shot)
                continue
            name = shot.name.lower()
            editions[name] += 1
            found[digest] = Strand(digest, manifest, shot, end, shot.count(), editions[name])
            end = found[digest].end
    return tuple(found.values())
