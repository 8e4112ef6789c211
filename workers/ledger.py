"""The ledger: the durable record of attempts, that is, of what has been paid for.

It lies in the store, beside the results, so that a batch can be taken up from the store alone:

    <batch>/.rushes/manifest.json                           the frozen manifest
    <batch>/.rushes/manifest.json.sha256                    its digest, as `sha256sum -c` reads it
    <batch>/.rushes/attempts/<take>/<attempt>.intent.json   written before the POST
    <batch>/.rushes/attempts/<take>/<attempt>.accepted.json written before the first poll
    <batch>/.rushes/attempts/<take>/<attempt>.ended.json    written at a verdict without a video

An attempt with an intent and nothing else is in doubt; one that was accepted and has not ended is either being
rendered or has its receipt (`workers/receipts.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Annotated

from pydantic import Field

from jobs.errors import RushesError
from workers.errors import ObjectMissing, StoreRefused
from workers.records import Answer, Moment, Record, Text
from workers.store.protocol import Store

AttemptNumber = Annotated[int, Field(ge=1)]

_NAME = re.compile(r"([1-9][0-9]*)\.(intent|accepted|ended)\.json")
_JSON = "application/json"


class ManifestChanged(RushesError):
    """Another manifest is frozen under this batch's name."""

    exit_code = 2


class Intent(Record):
    """That a take is about to be submitted.

    `attempt` counts a take's attempts from 1. `identity` is `Asked.identity()`; `request_digest` is the sha256
    (hex) of the request's body. `highest_price` is the most it can cost, in `currency`; None when it is not known.
    `at` is in seconds since the epoch.
    """

    take: str
    attempt: AttemptNumber
    provider: str
    identity: str
    request_digest: str
    highest_price: Decimal | None
    currency: str | None = None
    at: Moment


class Acceptance(Record):
    """That a provider has accepted an attempt, and by which name it knows it.

    `urls` are those the provider returned. `status` and `answer` are the HTTP status and the JSON of its answer.
    `at` is in seconds since the epoch.
    """

    take: str
    attempt: AttemptNumber
    provider: str
    job_id: Text
    urls: Mapping[str, Text]
    status: int
    answer: Answer = None
    at: Moment


class Ending(Record):
    """That an attempt came to a verdict without a video.

    `kind` is that of the `ProviderError`, or a person's decision; `message` is for a person; `body` is the
    provider's answer as it came, or None. `at` is in seconds since the epoch.
    """

    take: str
    attempt: AttemptNumber
    kind: str
    message: Text
    body: Text | None = None
    at: Moment


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """Which records there are of one attempt."""

    take: str
    attempt: int
    intended: bool
    accepted: bool
    ended: bool


class Ledger:
    """The ledger of one batch. It holds nothing itself: every call reads or writes the store.

    Every method raises the `StoreError`s of the store that it is given. A put that has returned is durable.
    """

    def __init__(self, store: Store, batch: str) -> None:
        self._store = store
        self._folder = f"{batch}/.rushes/"
        self._manifest = f"{self._folder}manifest.json"
        self._attempts = f"{self._folder}attempts/"

    def freeze(self, manifest: bytes, *, replace: bool = False) -> None:
        """Keep `manifest`, which the batch's takes are a function of. Writes nothing if it is kept already.

        Raises `ManifestChanged` when another one is kept, unless `replace`. This is a check and not a lock: of
        two that freeze different manifests at once, the later one wins.
        """
        held = self._read(self._manifest)
        held_digest = None if held is None else _digest(held)
        told_digest = self._told_digest()
        digest = _digest(manifest)
        if digest == held_digest == told_digest:
            return
        # A crash between the two puts leaves the digest of the manifest that was being frozen.
        if held is not None and digest not in (held_digest, told_digest) and not replace:
            raise ManifestChanged(
                f"{self._store.url(self._manifest)} holds another manifest than this one. "
                "Give the changed manifest another batch name, or restore the one it was"
            )
        line = f"{digest}  manifest.json\n".encode()
        self._store.put_bytes(f"{self._manifest}.sha256", line, content_type="text/plain")
        self._store.put_bytes(self._manifest, manifest, content_type=_JSON)

    def frozen(self) -> bytes | None:
        """The frozen manifest, byte for byte; None when the batch has none.

        Raises `StoreRefused` when it is not the one whose digest was kept with it.
        """
        held = self._read(self._manifest)
        if held is None:
            return None
        told = self._told_digest()
        if told != _digest(held):
            place = self._store.url(self._manifest)
            raise StoreRefused(
                f"{place} is not the manifest that was frozen: its sha256 is {_digest(held)}, and {place}.sha256 "
                f"says {told or 'nothing'}. Restore it, or run the batch again from its own manifest file"
            )
        return held

    def intend(self, intent: Intent) -> None:
        """Record an attempt before its POST is sent."""
        self._put(intent.take, intent.attempt, "intent", intent)

    def accept(self, acceptance: Acceptance) -> None:
        """Record that a provider has accepted an attempt, before it is first asked how it is."""
        self._put(acceptance.take, acceptance.attempt, "accepted", acceptance)

    def end(self, ending: Ending) -> None:
        """Record that an attempt came to a verdict without a video, so that it is no longer open."""
        self._put(ending.take, ending.attempt, "ended", ending)

    def intent(self, take: str, attempt: int) -> Intent:
        """Raises `ObjectMissing` when there is none."""
        key = self._key(take, attempt, "intent")
        return Intent.from_json(self._store.get(key), self._store.url(key))

    def acceptance(self, take: str, attempt: int) -> Acceptance:
        """Raises `ObjectMissing` when there is none."""
        key = self._key(take, attempt, "accepted")
        return Acceptance.from_json(self._store.get(key), self._store.url(key))

    def ending(self, take: str, attempt: int) -> Ending:
        """Raises `ObjectMissing` when there is none."""
        key = self._key(take, attempt, "ended")
        return Ending.from_json(self._store.get(key), self._store.url(key))

    def attempts(self) -> Iterator[AttemptRecord]:
        """Every attempt of the batch, take by take, each take's in order.

        It lists the store once and reads no record: a thousand keys to a request on S3, three to an attempt.
        """
        for take, found in groupby(self._found(), key=lambda one: one[0]):
            kinds: dict[int, set[str]] = {}
            for _, attempt, kind in found:
                kinds.setdefault(attempt, set()).add(kind)
            for attempt in sorted(kinds):
                has = kinds[attempt]
                yield AttemptRecord(take, attempt, "intent" in has, "accepted" in has, "ended" in has)

    def _found(self) -> Iterator[tuple[str, int, str]]:
        for key in self._store.keys(self._attempts):
            take, _, name = key.removeprefix(self._attempts).rpartition("/")
            if take and (match := _NAME.fullmatch(name)):
                yield take, int(match[1]), match[2]

    def _put(self, take: str, attempt: int, kind: str, record: Record) -> None:
        self._store.put_bytes(self._key(take, attempt, kind), record.to_json(), content_type=_JSON)

    def _key(self, take: str, attempt: int, kind: str) -> str:
        return f"{self._attempts}{take}/{attempt}.{kind}.json"

    def _read(self, key: str) -> bytes | None:
        try:
            return self._store.get(key)
        except ObjectMissing:
            return None

    def _told_digest(self) -> str | None:
        line = self._read(f"{self._manifest}.sha256")
        return None if line is None else line.decode("ascii", "replace").partition(" ")[0].strip()


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
