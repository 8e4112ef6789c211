"""Gathering what a scenario has left behind: the store, Redis, the providers' accounts, and all that was written."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import redis
from evidence import Again, Batch, Billing, Evidence, Said
from loopback import NAMESPACE, SECRETS

from jobs.fields.amounts import micros
from jobs.prices import highest_price
from jobs.reading.loading import load_with_inputs
from jobs.takes.expansion import Expansion
from jobs.takes.lineage import Lineage
from workers.engine.room import WaitingRoom
from workers.engine.states import State
from workers.settings import CONVENTIONS

if TYPE_CHECKING:
    from stage import Stage


def gather(stage: Stage, ended: Mapping[str, Said], again: Again) -> Evidence:
    """The evidence, once nothing runs any more. `ended` is how each batch ended, `again` how it did once more."""
    objects = stage.bucket.objects()
    with stage.redis.client() as client:
        room = WaitingRoom(client, NAMESPACE)
        batches = tuple(
            _batch(stage, room, name, provider, ended[name]) for name, provider in stage.scenario.batches.items()
        )
        orphans = frozenset(job for batch in batches for job in room.orphans(batch.name))
        seats = frozenset(
            member.decode()
            for provider in set(stage.scenario.batches.values())
            for member in client.smembers(f"{NAMESPACE}:lane:{provider}:seats")
        )
        texts = {f"Redis: {key.decode()}": _dump(client, key) for key in client.scan_iter(count=1000)}
    for path in stage.folder.rglob("*"):
        if path.is_file() and path.name != "redis.conf":
            texts[str(path.relative_to(stage.folder))] = path.read_bytes()
    texts |= {f"command line {number}": line for number, line in enumerate(sorted(stage.cmdlines))}
    assert any(name.startswith("worker") for name in texts)
    assert stage.scenario.forked or stage.cmdlines
    sandbox = stage.providers.sandbox
    billings = tuple(
        Billing(
            job.id,
            job.provider,
            job.prompt,
            job.billed,
            hashlib.sha256(asyncio.run(sandbox.video(job))).hexdigest() if job.billed else None,
        )
        for job in sandbox.account.submissions()
    )
    return Evidence(
        batches,
        billings,
        objects,
        texts,
        orphans,
        seats,
        SECRETS,
        again,
        posted=frozenset(stage.providers.posted),
        sure=stage.scenario.sure,
        money=tuple(stage.money),
    )


def _batch(stage: Stage, room: WaitingRoom, name: str, provider: str, said: Said) -> Batch:
    lineage = Lineage.from_json(stage.bucket.get(f"{name}/.rushes/manifest.json") or b"")
    assert lineage.current == load_with_inputs(stage.folder / f"{name}.yaml").manifest
    assert len(lineage.manifests) == stage.scenario.editions, f"{name} has {len(lineage.manifests)} editions"
    expansion = Expansion(lineage)
    takes = [expansion[index] for index in range(expansion.total)]
    standing, elsewhere = room.standing(name), room.census(name).elsewhere
    assert standing is not None, f"Redis has forgotten {name}: {stage.told()}"

    def those(state: State) -> frozenset[str]:
        return frozenset(takes[index].name for index, found in elsewhere.items() if found is state)

    prices = {take.name: highest_price(take, own=None) for take in takes}
    lane = standing.lane
    return Batch(
        name=name,
        prompts={take.name: take.asked.prompt for take in takes},
        doubts=those(State.DOUBT),
        failed=those(State.FAILED),
        alive=standing.alive,
        waiting=standing.states[State.WAITING],
        blocked=standing.states[State.BLOCKED],
        queues=CONVENTIONS[provider].queues,
        said=said,
        withdrawn=frozenset(take.name for take in takes if not expansion.is_live(take.index)),
        cancelled=those(State.CANCELLED),
        stopped=None if standing.stopped is None else standing.stopped.kind,
        full=lane.seats > 0 and lane.seats_in_doubt >= lane.seats,
        budget=standing.money.limit,
        prices={name: micros(price.amount) for name, price in prices.items() if price is not None},
    )


def _dump(client: redis.Redis, key: bytes) -> bytes:
    readers: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: client.get(key),
        b"hash": lambda: client.hgetall(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1, withscores=True),
    }
    kind = client.type(key)
    assert isinstance(kind, bytes)
    return repr(readers[kind]()).encode()
