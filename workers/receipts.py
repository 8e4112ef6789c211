"""Receipts: the JSON beside a video that says what was asked, what came, and what it cost.

A receipt is written last. A take is done if and only if its receipt is in the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from jobs.takes import Asked, AxisValue
from workers.chains.record import TakenUp
from workers.records import Answer, Moment, Record, Text
from workers.store.protocol import Store

_ENDING = ".receipt.json"


class TakeKeys(NamedTuple):
    """Where the results of one take lie in the store."""

    video: str
    last_frame: str
    poster: str
    receipt: str


def keys_of(batch: str, take_name: str) -> TakeKeys:
    """The keys of one take: `<batch>/<take name>.mp4`, `.last.png`, `.poster.webp` and `.receipt.json`."""
    stem = f"{batch}/{take_name}"
    return TakeKeys(f"{stem}.mp4", f"{stem}.last.png", f"{stem}.poster.webp", stem + _ENDING)


class Times(Record):
    """When a take came to each of its states, in seconds since the epoch; None for one it did not pass.

    `rendered` is when the finished video was first seen, which is up to one poll later than it was finished.
    """

    admitted: Moment | None = None
    submitted: Moment | None = None
    accepted: Moment | None = None
    rendered: Moment | None = None
    downloaded: Moment | None = None
    stored: Moment | None = None


class VideoFacts(Record):
    """The provider's MP4, byte for byte as it came.

    `bytes` is its length and `sha256` (hex) is of those bytes; `duration` is in seconds. `more` is whatever else
    was found out about it (pixel format, colour, audio).
    """

    key: str
    bytes: int
    sha256: str
    content_type: str
    source_url: Text
    width: int
    height: int
    fps: float
    frames: int
    duration: float
    codec: str
    more: Mapping[str, Answer] = Field(default_factory=dict)


class ImageFacts(Record):
    """An image that was made from the video, or that the provider gave."""

    key: str
    bytes: int
    sha256: str
    width: int
    height: int


class LastFrame(ImageFacts):
    """The last frame that a player shows. `source` tells who took it out of the video."""

    source: Literal["decoded", "provider"]


class Cost(Record):
    """What the attempt cost. `basis` says how that is known; None and `unknown` when it is not.

    `estimated` is the most that it was expected to cost, in `estimated_currency`, as it stood before it was submitted;
    None when no price was known, or when the receipt is older than this field.
    """

    amount: Decimal | None = None
    currency: str | None = None
    basis: str = "unknown"
    estimated: Decimal | None = None
    estimated_currency: str | None = None


class Reused(Record):
    """Whose video a take's is a copy of: nothing was rendered for it, and nothing paid."""

    batch: str
    take: str


class Receipt(Record):
    """What was asked of whom, what came, and what became of it.

    `take` is the take's name, `index` its place in the batch from 0, `number` its place in the shot from 1;
    `attempt` counts from 1. `identity` is `Asked.identity()`. `answer` is the provider's final JSON, and `seed` the one
    that it says it used.

    `parents` are the files of other takes that the request held, by their content.

    `reused` is None unless the video was taken over from a take that had asked for the same. Then the cost is 0, by the
    basis `reused`, and what tells of the provider is what that take's receipt told.
    """

    # The order of the axes is the manifest's and means something, and so does that of the answer.
    sorted_keys: ClassVar[bool] = False

    schema_version: Literal[1] = 1
    batch: str
    shot: str
    take: str
    index: int
    number: int
    identity: str
    axes: Mapping[str, AxisValue]
    asked: Asked
    provider: str
    model: str
    job_id: Text
    attempt: int
    times: Times
    answer: Answer = None
    seed: int | None = None
    video: VideoFacts
    last_frame: LastFrame
    poster: ImageFacts | None = None
    cost: Cost = Cost()
    reused: Reused | None = None
    parents: tuple[TakenUp, ...] = ()
    warnings: tuple[str, ...] = ()
    rushes_version: str


def write_receipt(store: Store, receipt: Receipt) -> None:
    """Store the receipt, which makes its take done. Everything it names must be stored before.

    Raises the `StoreError`s of `store`.
    """
    key = keys_of(receipt.batch, receipt.take).receipt
    store.put_bytes(key, receipt.to_json(), content_type="application/json")


def read_receipt(store: Store, batch: str, take_name: str) -> Receipt:
    """The receipt of a take that is done.

    Raises `ObjectMissing` when it is not done, `StoreRefused` when the object is no receipt, and the other
    `StoreError`s of `store`.
    """
    key = keys_of(batch, take_name).receipt
    return Receipt.from_json(store.get(key), store.url(key))


def done_takes(store: Store, batch: str) -> Iterator[str]:
    """The names of the takes that are done, in order of their bytes, from one listing of the batch.

    Raises the `StoreError`s of `store`.
    """
    folder = f"{batch}/"
    for key in store.keys(folder):
        if key.endswith(_ENDING) and not key.startswith(f"{folder}.rushes/"):
            yield key.removeprefix(folder).removesuffix(_ENDING)
