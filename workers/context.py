"""What a step needs to do its work: made once a process from the settings, and handed in."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from jobs.prices import PriceTable
from jobs.prices.own import read_prices
from jobs.takes import Take
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from workers.broker.addresses import redis_url
from workers.broker.connection import connect
from workers.clock import Clock, SystemClock
from workers.engine.lease import LeaseKeeper
from workers.engine.limits import Limits
from workers.engine.room import WaitingRoom
from workers.engine.states import ORPHANS
from workers.errors import RedisError, SettingsError, TakeForgotten
from workers.http.calls import LongCalls
from workers.http.download import Download
from workers.http.wire import Wire
from workers.inputs.memory import InputMemory
from workers.ledger import Ledger, orphan_token
from workers.monitoring.take_events import TakeEvents, Unwatched
from workers.polling.learning import RenderTimes
from workers.providers import adapter
from workers.providers.protocol import Access
from workers.redaction import redact
from workers.settings import CONVENTIONS, Settings
from workers.store import open_store
from workers.store.protocol import Store
from workers.traces.steps import Traces, Untraced

VERSION = version("rushes")


@dataclass
class Context:
    """The parts of one process.

    `wake` tells the pump that something can be handed out at once; `events` tells whoever watches how takes get on,
    and `traces` where their time goes.
    """

    settings: Settings
    room: WaitingRoom
    store: Store
    wire: Wire
    calls: LongCalls
    download: Download
    leases: LeaseKeeper
    clock: Clock
    spool: Path
    wake: Callable[[], None] = lambda: None
    events: TakeEvents = field(default_factory=Unwatched)
    traces: Traces = field(default_factory=Untraced)
    inputs: InputMemory = field(default_factory=InputMemory)
    own_prices: PriceTable | None = None
    renders: RenderTimes = field(init=False)
    _expansions: dict[str, tuple[str, Expansion]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.renders = RenderTimes(self.room, self.clock)

    def take(self, batch: str, index: int) -> Take:
        """One take of an open batch, or what came besides it, under a name of its own.

        Where its manifest names several providers, the take's is the one that it is at, if it is at one.

        Raises `RedisError` when Redis doesn't know the batch, and `TakeForgotten` when it has gone back to before the
        take was asked for.
        """
        if index < ORPHANS:
            take = self._take(batch, index)
            return take if len(take.providers) < 2 else take.at(self.room.lane_of(batch, index))
        record = self.room.take(batch, index)
        if record is None or record.orphan_of is None or record.job is None:
            raise RedisError(f"Redis does not know the job {index} of the batch {batch!r} any more")
        take = self._take(batch, record.orphan_of).at(record.fields.get("lane"))
        return replace(take, index=index, name=f"{take.name}.orphan-{orphan_token(record.job['id'])}")

    def takes(self, which: Sequence[tuple[str, int]]) -> list[Take | None]:
        """As `take`, of many at once, each named by its batch and index: Redis is asked once for each batch.

        None in the place of one that its batch doesn't have, as far as Redis knows.
        """
        expansions = {batch: self.expansion(batch) for batch in {batch for batch, index in which if index < ORPHANS}}
        found = [self._one_of(expansions, batch, index) for batch, index in which]
        several = [at for at, take in enumerate(found) if take and len(take.providers) > 1 and take.index < ORPHANS]
        lanes = self.room.lanes_of([which[at] for at in several]) if several else []
        for at, lane in zip(several, lanes, strict=True):
            take = found[at]
            found[at] = None if take is None else take.at(lane)
        return found

    def _one_of(self, expansions: Mapping[str, Expansion], batch: str, index: int) -> Take | None:
        try:
            return self.take(batch, index) if index >= ORPHANS else self._expanded(expansions[batch], index)
        except TakeForgotten:
            return None

    def _take(self, batch: str, index: int) -> Take:
        return self._expanded(self.expansion(batch), index)

    def _expanded(self, expansion: Expansion, index: int) -> Take:
        if index >= expansion.total:
            raise TakeForgotten(expansion.manifest.batch, index)
        return expansion[index]

    def expansion(self, batch: str) -> Expansion:
        """The takes of an open batch, from its frozen manifest. Raises `RedisError` when Redis doesn't know it."""
        # Asked anew each time: a batch that was wiped and opened again under its name has other takes.
        digest = self.room.digest(batch)
        with self._lock:
            known = self._expansions.get(batch)
            if known is not None and known[0] == digest:
                return known[1]
            frozen = self.room.manifest(batch)
            if frozen is None or digest is None:
                raise RedisError(f"Redis does not know the batch {batch!r} any more; run it again to take it up")
            expansion = Expansion(Lineage.from_json(frozen))
            self._expansions[batch] = digest, expansion
            return expansion

    def ledger(self, batch: str) -> Ledger:
        """The record of a batch's attempts."""
        return Ledger(self.store, batch)

    def access(self, provider: str) -> Access:
        """How a provider is reached. Raises `SettingsError` when there is no key."""
        key, settings = self.settings.key(provider), self.settings.provider(provider)
        return Access(settings.url, key, settings.account)

    def limits(self, provider: str) -> Limits:
        """What the settings, and what is known of the provider, allow."""
        settings = self.settings.provider(provider)
        translator = adapter(provider)
        return Limits(
            seats=settings.seats,
            least_seats=settings.least_seats,
            lead=settings.lead,
            requests_per_minute=settings.requests_per_minute,
            queues=CONVENTIONS[provider].queues,
            again_seconds=translator.settling_seconds if translator.settling == "again" else 0.0,
            lists=translator.settling == "listing",
            day_budget=None if settings.daily_budget is None else settings.daily_budget.micros(),
        )

    def known_batches(self) -> list[str]:
        """The batches that this process has had to do with."""
        with self._lock:
            return list(self._expansions)

    def clean(self, text: str) -> str:
        """The text without any secret that Rushes knows of."""
        return redact(text, self.settings.secret_values())

    def close(self) -> None:
        """Let go of threads and connections."""
        self.calls.close()
        self.leases.close()
        self.wire.close()


def make_context(settings: Settings, environ: Mapping[str, str], *, clock: Clock | None = None) -> Context:
    """Put a process's parts together. Nothing is connected yet."""
    room = WaitingRoom(connect(redis_url(settings, environ)), settings.namespace)
    clock = clock or SystemClock()
    wire = Wire(user_agent=f"rushes/{VERSION}")
    return Context(
        settings=settings,
        room=room,
        store=open_store(settings.store),
        wire=wire,
        calls=LongCalls(wire),
        download=Download(wire),
        leases=LeaseKeeper(room, clock),
        clock=clock,
        spool=_spool(settings),
        own_prices=None if settings.prices is None else read_prices(settings.prices),
    )


def _spool(settings: Settings) -> Path:
    """A folder of this process's own for what is on its way; what dead processes left behind is removed."""
    above = settings.spool or Path(tempfile.gettempdir()) / f"rushes-spool-{os.getuid()}"
    host = socket.gethostname()
    try:
        above.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in above.glob(f"{host}.*"):
            pid = left.name.rpartition(".")[2]
            if pid.isdigit() and not _lives(int(pid)):
                shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise SettingsError(
            f"the spool at {above} can't be used: {error.strerror}. Make room, or set RUSHES_SPOOL to another folder"
        ) from error
    return above / f"{host}.{os.getpid()}"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
