"""From a manifest to its takes, any one of them without the others.

A take is a function of the manifest and an index. So a waiting take needs no memory at all, and the last of
a million costs what the first does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from jobs.fields import READERS, REFERENCES
from jobs.manifest import Manifest, Shot
from jobs.naming import parse_take_name, take_name
from jobs.sweep import Space
from jobs.takes import Asked, AxisValue, Take
from jobs.templates import Template


class Expansion:
    """All takes of a manifest, in its order: shot by shot, in each the last axis turning fastest."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._strands = [_Strand(manifest, shot) for shot in manifest.shots]
        self._starts: list[int] = []
        self.total = 0
        """How many takes there are."""
        for strand in self._strands:
            self._starts.append(self.total)
            self.total += strand.space.count
        self._by_shot = {shot.name: at for at, shot in enumerate(manifest.shots)}

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[Take]:
        return (self[index] for index in range(self.total))

    def __getitem__(self, index: int) -> Take:
        """The take at `index`, counted through the batch from 0. Raises IndexError outside it."""
        if not 0 <= index < self.total:
            raise IndexError(f"take {index} of a batch of {self.total}")
        # A shot has at least one take, so no two begin at the same index.
        at = bisect_right(self._starts, index) - 1
        strand = self._strands[at]
        cell = index - self._starts[at]
        axes = strand.space[cell]
        return Take(
            batch=self.manifest.batch,
            shot=strand.shot.name,
            index=index,
            number=cell + 1,
            name=take_name(strand.shot.name, cell + 1, strand.space.count, axes),
            provider=self.manifest.provider,
            asked=strand.asked(axes),
            axes=axes,
            last_frame=strand.last_frame,
            retry_moderated=strand.retry_moderated,
        )

    def first_of(self, at: int) -> Take:
        """The first take of the shot at `at` in the manifest."""
        return self[self._starts[at]]

    def find(self, name: str) -> int | None:
        """The index of the take called `name`, or None when no take is called exactly so."""
        parsed = parse_take_name(name)
        if parsed is None or parsed[0] not in self._by_shot:
            return None
        shot, number = parsed
        at = self._by_shot[shot]
        space = self._strands[at].space
        if not 1 <= number <= space.count:
            return None
        if take_name(shot, number, space.count, space[number - 1]) != name:
            return None
        return self._starts[at] + number - 1


class _Strand:
    """The takes of one shot: what they have in common, and the space of what they differ in."""

    def __init__(self, manifest: Manifest, shot: Shot) -> None:
        self.shot = shot
        self.space = Space(shot.axes())
        self.last_frame = manifest.last_frame_of(shot)
        self.retry_moderated = manifest.retry_moderated_of(shot)
        self._common = {"model": manifest.model, **manifest.defaults.given(), **shot.given()}
        if self.last_frame == "provider":
            self._common.setdefault("return_last_frame", True)
        self._template = None if shot.prompt is None else Template.parse(shot.prompt)

    def asked(self, axes: dict[str, AxisValue]) -> Asked:
        fields = dict(self._common)
        variables = {}
        for name, value in axes.items():
            if name in REFERENCES:
                fields[name] = (value,)
            elif name in READERS:
                fields[name] = value
            else:
                variables[name] = value
        template = self._template or Template.parse(str(axes["prompt"]))
        fields["prompt"] = template.fill(variables)
        return Asked.model_validate(fields)
