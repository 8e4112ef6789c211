"""Just before a submission: each local file of a take as the provider can have it.

The URLs of an attempt that was sent are kept with its take in Redis, and nowhere else: a presigned URL is a secret. An
attempt that is sent again under the same key has to have the same body.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from jobs.capabilities import Capabilities, capabilities
from jobs.fields.references import MEDIA, kind_of
from jobs.inputs.formats import Format, format_of_ending
from jobs.takes import Asked, Take
from workers.chains.files import ParentFile, parent_bytes, parent_files
from workers.chains.record import TakenUp
from workers.context import Context
from workers.engine.states import Step
from workers.engine.work import TakeRecord, Work
from workers.errors import SettingsError
from workers.http.calls import Outcome
from workers.inputs.handover import NotHandedOver, StoreFacts, body_bound, choose, data_uri_bytes, facts_of
from workers.inputs.keeping import key_of, stored_input
from workers.inputs.uploading import uploader
from workers.providers.errors import Invalid
from workers.providers.protocol import Response
from workers.redaction import GONE
from workers.store.protocol import Store

SIGNED_SECONDS = 3 * 24 * 3600
"""How long a presigned URL lives: a provider fetches when it begins to render, which may be days later (Ark drops a
task that waits for 48 hours)."""

HAND_SECONDS = 300.0
"""The lease of a hand that uploads, or waits for one that does: time for two uploads at their slowest."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What is asked, with no local file left in it. `fields` are to be kept with the take when it is sent, and
    `parents`, the files of other takes in it, on record."""

    asked: Asked = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)
    parents: tuple[TakenUp, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A local file, as a frozen manifest calls it."""

    reference: str

    @property
    def key(self) -> str:
        """Where it lies in the store."""
        return key_of(self.reference)

    @property
    def name(self) -> str:
        """`<sha256>.<ending>`."""
        return self.reference.removeprefix("input:")

    @property
    def format(self) -> Format:
        """Its format. Raises `Invalid`."""
        found = format_of_ending(self.reference.rpartition(".")[2])
        if found is None:
            raise Invalid(f"{self.reference} is of no format that this version of Rushes knows")
        return found


Source = LocalSource | ParentFile


def resolve(context: Context, take: Take, record: TakeRecord) -> Resolved:
    """What `take` asks, each local file in it, and each file of another take, replaced by a URL or a data URI.

    Raises `SettingsError` when there is no way for a file to get to the provider, the `StoreError`s of the store, and
    by class what the provider's own upload failed with, or `ParentGone`: nothing has been asked for then.
    """
    given = [each for name in MEDIA for each in _given(take.asked, name)]
    references = [each for each in given if kind_of(each) in ("input", "take")]
    if not references:
        return Resolved(take.asked, {})
    parents = parent_files(context, take)
    sources: dict[str, Source] = {each.reference: each for each in parents}
    sources |= {each: LocalSource(each) for each in references if kind_of(each) == "input"}
    kept = record.value("inputs") or {}
    sent_before = record.time("again_since") is not None and kept.get("attempt") == record.attempt
    urls: dict[str, str] = dict(kept["urls"]) if sent_before else _urls(context, take, record, sources)
    with_data = {each: urls.get(each) or _data_uri(context, source) for each, source in sources.items()}
    length = sum(len(with_data[each]) for each in references if each not in urls)
    bound = body_bound(capabilities(take.provider))
    if length > bound:
        raise Invalid(
            f"as data URIs its inputs have {length:,} bytes, and {take.provider} takes {bound:,} in a request"
        )
    fields = {"inputs": {"attempt": record.attempt, "urls": urls}}
    return Resolved(_replaced(take.asked, with_data), fields, tuple(each.taken_up for each in parents))


def store_facts(store: Store, *, public: bool) -> StoreFacts:
    """What matters of `store` for handing files over. `public` is a person's word that providers can reach it.

    Raises `StoreRefused` when a bucket's URLs can't be signed.
    """
    return facts_of(store.presign(key_of(f"input:{'0' * 64}.png"), seconds=SIGNED_SECONDS), public=public)


def without_secrets(fields: Mapping[str, Any] | None, outcome: Outcome) -> Outcome:
    """`outcome` without the signatures of the presigned URLs that the take was sent with, should it quote them.

    `fields` are what `Resolved.fields` holds under `inputs`. A provider's answer is kept for good, and may hold
    signatures of its own, which are needed: to fetch the video.
    """
    if not isinstance(outcome, Response) or not fields:
        return outcome
    body = outcome.body
    for secret in {each for url in fields["urls"].values() for each in _secrets_of(url)}:
        body = body.replace(secret.encode(), GONE.encode())
    return outcome if body == outcome.body else replace(outcome, body=body)


def _secrets_of(url: str) -> Iterator[str]:
    for name, _, value in (each.partition("=") for each in urlsplit(url).query.split("&")):
        if name in ("X-Amz-Signature", "X-Amz-Security-Token") and value:
            yield from (value, unquote(value))


def _urls(context: Context, take: Take, record: TakeRecord, sources: Mapping[str, Source]) -> dict[str, str]:
    """The URLs of those inputs that aren't given as data URIs."""
    table = capabilities(take.provider)
    facts = store_facts(context.store, public=context.settings.store_public)
    urls = {}
    for reference, source in sources.items():
        url = _url(context, record, source, table, facts)
        if url is not None:
            urls[reference] = url
    return urls


def _url(context: Context, record: TakeRecord, source: Source, table: Capabilities, facts: StoreFacts) -> str | None:
    try:
        handover = choose(table, source.format.medium, facts, context.settings.inputs)
    except NotHandedOver as error:
        raise SettingsError(str(error)) from None
    if handover == "presigned":
        return context.store.presign(source.key, seconds=SIGNED_SECONDS)
    return _uploaded(context, record, table.provider, source) if handover == "upload" else None


def _uploaded(context: Context, record: TakeRecord, provider: str, source: Source) -> str:
    """Where the provider has the file, which is uploaded unless it was, to this account, and is still there."""
    access = context.access(provider)
    account = f"{access.base_url}\n{access.account}\n{access.key.get_secret_value()}"
    whose = hashlib.sha256(account.encode()).hexdigest()[:16]
    name = f"upload:{provider}:{whose}:{source.name}"
    url = context.room.remembered(name)
    if url is not None:
        return url
    hand = Work(Step.SUBMIT, record.batch, record.index, record.fence, record.attempt)
    context.room.renew(hand, lease=HAND_SECONDS)
    with context.inputs.turn(name):
        url = context.room.remembered(name)
        if url is not None:
            return url
        found = uploader(provider, context.wire, access, context.clock.now).upload(
            _body(context, source),
            name=source.name,
            media_type=source.format.media_type,
        )
        if found.seconds > 0:
            context.room.remember(name, found.url, seconds=found.seconds)
        return found.url


def _data_uri(context: Context, source: Source) -> str:
    body = _body(context, source)
    uri = f"data:{source.format.media_type};base64,{base64.b64encode(body).decode()}"
    assert len(uri) <= data_uri_bytes(len(body))
    return uri


def _body(context: Context, source: Source) -> bytes:
    if isinstance(source, ParentFile):
        return context.inputs.get(f"input:{source.name}", lambda: parent_bytes(context, source))
    return context.inputs.get(source.reference, lambda: stored_input(context.store, source.reference))


def _given(asked: Asked, name: str) -> tuple[str, ...]:
    value = getattr(asked, name)
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _replaced(asked: Asked, by: Mapping[str, str]) -> Asked:
    changed = {}
    for name in MEDIA:
        value = getattr(asked, name)
        changed[name] = (
            tuple(by.get(each, each) for each in value) if isinstance(value, tuple) else by.get(value, value)
        )
    return asked.model_copy(update=changed)
