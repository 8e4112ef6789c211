"""How long renders take, and how large videos are: learned, where that is known, else assumed by a dated table."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

Basis = Literal["learned", "assumed"]


@dataclass(frozen=True, slots=True)
class Spread:
    """A number that isn't known exactly: at least, most likely, and at most."""

    least: float
    likely: float
    most: float

    def __add__(self, other: Spread) -> Spread:
        return Spread(self.least + other.least, self.likely + other.likely, self.most + other.most)

    def __mul__(self, times: float) -> Spread:
        return Spread(self.least * times, self.likely * times, self.most * times)

    def highest(self, other: Spread) -> Spread:
        """The greater of the two, each number by itself."""
        return Spread(max(self.least, other.least), max(self.likely, other.likely), max(self.most, other.most))

    def to_json(self) -> dict[str, int]:
        """As whole numbers."""
        return {"least": round(self.least), "likely": round(self.likely), "most": round(self.most)}


class RenderTimes(Protocol):
    """Who knows how long renders take: what was learned of them, by whatever keeps it."""

    def seconds(self, provider: str, model: str, resolution: str, duration: int) -> Spread | None:
        """How many seconds the provider takes for one such render, from its acceptance to its end; None when too little
        is known. `duration` is in seconds of video."""
        ...


class _Rate(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = None
    resolution: str | None = None
    least: float
    likely: float
    most: float

    def is_of(self, model: str, resolution: str) -> bool:
        return self.model in (None, model) and self.resolution in (None, resolution)

    def times(self, duration: int) -> Spread:
        return Spread(self.least, self.likely, self.most) * duration


class Assumed(BaseModel):
    """The table of what is assumed. `read` is when its `source` was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    confidence: Literal["low", "medium", "high"]
    read: datetime.date
    render: tuple[_Rate, ...]
    video: tuple[_Rate, ...]

    def seconds(self, provider: str, model: str, resolution: str, duration: int) -> Spread:
        """As `RenderTimes`; the same for every provider."""
        return _first(self.render, model, resolution).times(duration)

    def bytes(self, model: str, resolution: str, duration: int) -> Spread:
        """How many bytes one such video has."""
        return _first(self.video, model, resolution).times(duration)


@cache
def assumed() -> Assumed:
    """The table that comes along."""
    text = resources.files(__name__.rpartition(".")[0]).joinpath("assumed.yaml").read_text(encoding="utf-8")
    return Assumed.model_validate(YAML(typ="safe", pure=True).load(text))


def render_seconds(
    known: Sequence[RenderTimes], provider: str, model: str, resolution: str, duration: int
) -> tuple[Spread, Basis]:
    """How long one render takes, by the first of `known` that knows, else by what is assumed."""
    for each in known:
        found = each.seconds(provider, model, resolution, duration)
        if found is not None:
            return found, "learned"
    return assumed().seconds(provider, model, resolution, duration), "assumed"


def _first(rates: Iterable[_Rate], model: str, resolution: str) -> _Rate:
    # The last of each table is of any model and any resolution.
    return next(rate for rate in rates if rate.is_of(model, resolution))
