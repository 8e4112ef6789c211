"""The ledger: the durable record of attempts, that is, of what has been paid for.

It lies in the store, beside the results, so that a batch can be taken up from the store alone:

    <batch>/.rushes/manifest.json                           the frozen manifest, or all that the name has stood for
    <batch>/.rushes/manifest.json.sha256                    its digest, as `sha256sum -c` reads it
    <batch>/.rushes/attempts/<take>/<attempt>.intent.json   written before the POST
    <batch>/.rushes/attempts/<take>/<attempt>.accepted.json written before the first poll
    <batch>/.rushes/attempts/<take>/<attempt>.ended.json    written at a verdict without a video
    <batch>/.rushes/attempts/<take>/<attempt>.orphan-<sha>.accepted.json, .ended.json
                                                            the same of a job that came besides the attempt's own
    <batch>/.rushes/holds.json                              what a person holds back, cancelled or gave up

An attempt with an intent and nothing else is in doubt; one that was accepted and has not ended is either being
rendered or has its receipt (`workers/receipts.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import Annotated

from pydantic import Field

from jobs.errors import RushesError
from workers.chains.record import TakenUp
from workers.errors import ObjectMissing, StoreRefused
from workers.records import Answer, Moment, Record, Text
from workers.store.protocol import Store

AttemptNumber = Annotated[int, Field(ge=1)]

_NAME = re.compile(r"([1-9][0-9]*)\.(?:orphan-([0-9a-f]{16})\.)?(intent|accepted|ended)\.json")
_JSON = "application/json"


UNSENT = "unsent"
"""The kind of an attempt's ending that came to nothing before it was sent. Only where its take may go elsewhere: an
attempt is one provider's."""

RESUBMITTED = "resubmitted"
"""The kind of the ending of an attempt that was submitted once more, by a person's word or the manifest's: it may have
been paid for, and counts as that."""

CARRIED = "carried"
"""How an ending's `decided` says that its take went on at another provider."""


class ManifestChanged(RushesError):
    """What is frozen under this batch's name doesn't lead to the manifest that is to be rendered."""

    exit_code = 2


class Intent(Record):
    """That a take is about to be submitted.

    `attempt` counts a take's attempts from 1. `identity` is `Asked.identity()`; `request_digest` is the sha256
    (hex) of the request's body. `highest_price` is the most it can cost, in `currency`; None when it is not known.
    `at` is in seconds since the epoch. `hand` is the token under which Redis knows whoever wrote it: should Redis know
    of another one, it has forgotten this. `parents` are the files of other takes that the request holds. `webhook` is
    the `fingerprint` of the URL that the provider was told to call, None without one.
    """

    take: str
    attempt: AttemptNumber
    provider: str
    identity: str
    request_digest: str
    highest_price: Decimal | None
    currency: str | None = None
    hand: str | None = None
    at: Moment
    parents: tuple[TakenUp, ...] = ()
    webhook: str | None = None


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
    provider's answer as it came, or None. `at` is in seconds since the epoch. `decided` is what a person made of it
    since (`retried`, `waived`), or `carried` where the take went on at another provider; which changes nothing of what
    the attempt came to or cost.
    """

    take: str
    attempt: AttemptNumber
    kind: str
    message: Text
    body: Text | None = None
    maybe_billed: bool | None = None
    at: Moment
    decided: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """Which records there are of one attempt."""

    take: str
    attempt: int
    intended: bool
    accepted: bool
    ended: bool
    orphans: Mapping[str, bool] = field(default_factory=dict)
    """The jobs that came besides the attempt's own, by the token in their names; whether each has ended."""


def orphan_token(job_id: str) -> str:
    """What stands for a job in the names of its records and its video: 16 hex digits."""
    return hashlib.sha256(job_id.encode()).hexdigest()[:16]


class Ledger:
    """The ledger of one batch. It holds nothing itself: every call reads or writes the store.

    Every method raises the `StoreError`s of the store that it is given. A put that has returned is durable.
    """

    def __init__(self, store: Store, batch: str) -> None:
        self._store = store
        self._folder = f"{batch}/.rushes/"
        self._manifest = f"{self._folder}manifest.json"
        self._attempts = f"{self._folder}attempts/"

    def freeze(self, manifest: bytes) -> None:
        """Keep `manifest`, which the batch's takes are a function of. Writes nothing if it is kept already.

        It takes the place of what was kept before, so it must lead to the same takes (`jobs.takes.lineage`).
        """
        digest = digest_of(manifest)
        held = self._read(self._manifest)
        before = None if held is None else digest_of(held)
        told = () if before is None else self.told_digests()
        if digest == before and told == (digest,):
            return
        # Whichever of the two manifests a crash in between leaves there, its digest is told.
        grows = before is not None and before != digest and before in told
        self._tell(*((digest, before) if grows else (digest,)))
        self._store.put_bytes(self._manifest, manifest, content_type=_JSON)
        if grows:
            self._tell(digest)

    def held(self) -> bytes | None:
        """The frozen manifest as it lies there, whether or not it is the one that was frozen; None without one."""
        return self._read(self._manifest)

    def told_digests(self) -> tuple[str, ...]:
        """The sha256 (hex) of the manifest that was frozen last; before it, of one that was being frozen, if any."""
        lines = self._read(f"{self._manifest}.sha256")
        found = [] if lines is None else [line.split() for line in lines.decode("ascii", "replace").splitlines()]
        return tuple(words[0] for words in found if words)

    def _tell(self, *digests: str | None) -> None:
        lines = "".join(f"{digest}  manifest.json\n" for digest in digests)
        self._store.put_bytes(f"{self._manifest}.sha256", lines.encode(), content_type="text/plain")

    def place(self, name: str) -> str:
        """Where a person finds one of the ledger's own objects."""
        return self._store.url(f"{self._folder}{name}")

    def frozen(self) -> bytes | None:
        """The frozen manifest, byte for byte; None when the batch has none.

        Raises `StoreRefused` when it is not the one whose digest was kept with it.
        """
        held = self._read(self._manifest)
        if held is None:
            return None
        told = self.told_digests()
        if digest_of(held) not in told:
            place = self._store.url(self._manifest)
            raise StoreRefused(
                f"{place} is not the manifest that was frozen: its sha256 is {digest_of(held)}, and {place}.sha256 "
                f"says {' or '.join(told) or 'nothing'}. Restore it, or run the batch again from its own manifest file"
            )
        return held

    def intend(self, intent: Intent) -> None:
        """Record an attempt before its POST is sent."""
        self._put(intent.take, intent.attempt, "intent", intent)

    def accept(self, acceptance: Acceptance, *, orphan: bool = False) -> None:
        """Record that a provider has accepted an attempt, before it is first asked how it is.

        `orphan` says that the job came besides the attempt's own, whose record stays what it is.
        """
        token = orphan_token(acceptance.job_id) if orphan else None
        self._put(acceptance.take, acceptance.attempt, "accepted", acceptance, token)

    def end(self, ending: Ending, *, orphan: str | None = None) -> None:
        """Record that an attempt came to a verdict without a video, so that it is no longer open.

        `orphan` is the id of the job, where it came besides the attempt's own.
        """
        self._put(ending.take, ending.attempt, "ended", ending, None if orphan is None else orphan_token(orphan))

    def hold(self, holds: bytes) -> None:
        """Keep what a person holds back (JSON), in the place of what was kept before."""
        self._store.put_bytes(f"{self._folder}holds.json", holds, content_type=_JSON)

    def holds(self) -> bytes | None:
        """What `hold` kept, or None."""
        return self._read(f"{self._folder}holds.json")

    def pick(self, picks: bytes) -> None:
        """Keep what a person has picked (JSON), in the place of what was kept before."""
        self._store.put_bytes(f"{self._folder}picks.json", picks, content_type=_JSON)

    def picks(self) -> bytes | None:
        """What `pick` kept, or None."""
        return self._read(f"{self._folder}picks.json")

    def intent(self, take: str, attempt: int) -> Intent:
        """Raises `ObjectMissing` when there is none."""
        key = self._key(take, attempt, "intent")
        return Intent.from_json(self._store.get(key), self._store.url(key))

    def acceptance(self, take: str, attempt: int, *, orphan: str | None = None) -> Acceptance:
        """That of the attempt's own job, or of the one with the token `orphan`. Raises `ObjectMissing`."""
        key = self._key(take, attempt, "accepted", orphan)
        return Acceptance.from_json(self._store.get(key), self._store.url(key))

    def ending(self, take: str, attempt: int, *, orphan: str | None = None) -> Ending:
        """That of the attempt's own job, or of the one with the token `orphan`. Raises `ObjectMissing`."""
        key = self._key(take, attempt, "ended", orphan)
        return Ending.from_json(self._store.get(key), self._store.url(key))

    def attempts(self, take: str | None = None) -> Iterator[AttemptRecord]:
        """Every attempt of the batch, or of one take of it, take by take, each take's in order.

        It lists the store once and reads no record: a thousand keys to a request on S3, three to an attempt.
        """
        for name, found in groupby(self._found(take), key=lambda one: one[0]):
            kinds: dict[int, set[str]] = {}
            orphans: dict[int, dict[str, bool]] = {}
            for _, attempt, token, kind in found:
                has = kinds.setdefault(attempt, set())
                if token is None:
                    has.add(kind)
                else:
                    own = orphans.setdefault(attempt, {})
                    own[token] = own.get(token, False) or kind == "ended"
            for attempt, has in sorted(kinds.items()):
                told = orphans.get(attempt, {})
                yield AttemptRecord(name, attempt, "intent" in has, "accepted" in has, "ended" in has, told)

    def _found(self, only: str | None) -> Iterator[tuple[str, int, str | None, str]]:
        for key in self._store.keys(self._attempts if only is None else f"{self._attempts}{only}/"):
            take, _, name = key.removeprefix(self._attempts).rpartition("/")
            if take and (match := _NAME.fullmatch(name)):
                yield take, int(match[1]), match[2], match[3]

    def _put(self, take: str, attempt: int, kind: str, record: Record, orphan: str | None = None) -> None:
        self._store.put_bytes(self._key(take, attempt, kind, orphan), record.to_json(), content_type=_JSON)

    def _key(self, take: str, attempt: int, kind: str, orphan: str | None = None) -> str:
        besides = "" if orphan is None else f"orphan-{orphan}."
        return f"{self._attempts}{take}/{attempt}.{besides}{kind}.json"

    def _read(self, key: str) -> bytes | None:
        try:
            return self._store.get(key)
        except ObjectMissing:
            return None


def digest_of(body: bytes) -> str:
    """The sha256 (hex) under which a frozen manifest is known."""
    return hashlib.sha256(body).hexdigest()
